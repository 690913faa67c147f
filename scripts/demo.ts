import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { styleText } from "node:util";
import { decode } from "fast-png";
import { ApiError, ConnectionError, createClient, GenerationError } from "../packages/client/src/index.ts";
import { operatorKeyOf } from "./doctor/target.ts";
import { portOf, readCommandLine, runMain } from "./local/command-line.ts";
import { Problem, reasonOf } from "./local/problem.ts";
import { defaultBasePort, loopback, repositoryRoot, samplePhoto } from "./local/settings.ts";
import { openStack } from "./local/stack-child.ts";

const helpText = `Runs the whole flow: a developer, two projects, one person in both, and a picture made from a photo.

  npm run demo                  with the stack on port ${defaultBasePort}; starts one when none answers there
  npm run demo -- --port 55321  with the stack on another port

CLOUD_API_URL and CLOUD_API_OPERATOR_KEY name another target, such as a hosted project.`;

type Target = { url: string; operator_key: string; stop: () => Promise<void> };

const password = "Demo-pass-1234";
const folder = join(repositoryRoot, ".local", "demo");

async function main(): Promise<void> {
  const { values } = readCommandLine("npm run demo", helpText, { port: { type: "string", short: "p" } });
  const { stop, ...target } = await findTarget(portOf(values.port, defaultBasePort));
  try {
    await walk(target);
  } catch (error) {
    const isTold = [ApiError, ConnectionError, GenerationError].some((kind) => error instanceof kind);
    throw isTold ? new Problem((error as Error).message) : error;
  } finally {
    await stop();
  }
}

/** Runs one step and prints its time and its result. On a terminal its name is visible while it runs. */
async function step<T extends { told: string }>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const isTerminal = process.stdout.isTTY;
  if (isTerminal) process.stdout.write(`… ${name}`);
  const end = (mark: string, told: string) =>
    console.log(`${isTerminal ? "\r\u001b[K" : ""}${mark} ${secondsSince(start)}  ${name}${told}`);
  try {
    const result = await work();
    end(styleText("green", "✓"), `  ${styleText("dim", result.told)}`);
    return result;
  } catch (error) {
    end(styleText("red", "✗"), "");
    throw error;
  }
}

const secondsSince = (start: number) => `${((performance.now() - start) / 1000).toFixed(2)} s`.padStart(7);

async function findTarget(port: number): Promise<Target> {
  const { CLOUD_API_URL: foreign, CLOUD_API_OPERATOR_KEY: given } = process.env;
  const stop = async () => {};
  if (foreign) {
    if (!given) throw new Problem("Set CLOUD_API_OPERATOR_KEY: the demo registers a developer with it.");
    return { url: foreign, operator_key: given, stop };
  }
  const url = `http://${loopback}:${port}`;
  const { health } = createClient({ url, maxRetries: 0 });
  const isUp = await health.live().then(
    () => true,
    () => false,
  );
  if (isUp) return { url, operator_key: operatorKeyOf(port), stop };
  return step("Start the back end", async () => {
    const { stack, stop } = await openStack(["--port", String(port)]);
    return { url, operator_key: stack.credentials.operator_key, stop, told: url };
  });
}

/** The steps of an app that uses the SDK. */
async function walk({ url, operator_key }: Omit<Target, "stop">): Promise<void> {
  const start = performance.now();
  const unique = Date.now().toString(36);
  const developer = createClient({ url, operatorKey: operator_key });
  const { provisioning } = await step("Register a developer", async () => {
    const email = `developer-${unique}@example.com`;
    const made = await developer.auth.register({ email, password, full_name: "Demo Developer" });
    return { ...made, told: `${email}, with a project and keys` };
  });
  if (provisioning === null) throw new Problem("The developer got no project.");
  const { developer_key: developerKey } = provisioning;
  const first = createClient({
    url,
    developerKey,
    projectId: provisioning.project_id,
    apiKey: provisioning.api_key,
  });
  const second = await step("Create a second project and its key", async () => {
    const { id: projectId } = await developer.projects.create({ name: "Postcards" });
    const { key: apiKey } = await developer.apiKeys.create(projectId, { name: "Web app" });
    return { app: createClient({ url, developerKey, projectId, apiKey }), told: `project ${projectId}` };
  });

  const email = `ada-${unique}@example.com`;
  const ids = new Set<string>();
  for (const [name, app] of [["first", first] as const, ["second", second.app] as const]) {
    await step(`Register ${email} in the ${name} project`, async () => {
      const { id } = await app.auth.register({ email, password });
      ids.add(id);
      return { told: `account ${id}` };
    });
  }
  if (ids.size !== 2) throw new Problem("One address in two projects must be two accounts, but it was one.");

  mkdirSync(folder, { recursive: true });
  const { id } = await step("Upload a photo and a sentence", async () => {
    const files = [new Blob([readFileSync(samplePhoto)], { type: "image/png" })];
    const made = await first.generations.create({ prompt: "Turn this photo into a watercolour", files });
    return { ...made, told: `generation ${made.id}` };
  });
  const done = await step("Wait for the picture", async () => {
    const generation = await first.generations.wait(id, { timeoutMs: 180_000 });
    if (generation.status !== "completed") throw new GenerationError(generation);
    return { ...generation, told: generation.model };
  });
  const file = join(folder, `${id}.png`);
  await step("Download the picture and check it", async () => {
    const response = await fetch(done.generated_image_url);
    const bytes = new Uint8Array(await response.arrayBuffer());
    writeFileSync(file, bytes);
    const { width, height } = readPng(bytes);
    return { told: `${width} × ${height} pixels, ${Math.ceil(bytes.byteLength / 1024)} KB` };
  });
  // The path is relative if the file is below this folder.
  const from_here = relative(process.cwd(), file);
  console.log(`\nThe picture: ${from_here.startsWith("..") ? file : from_here}`);
  console.log(`Done after ${secondsSince(start).trim()}.`);
}

function readPng(bytes: Uint8Array): { width: number; height: number } {
  try {
    return decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new Problem(`The picture is not a readable PNG: ${reasonOf(error)}.`);
  }
}

await runMain(main, "The demo failed");
