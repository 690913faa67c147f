import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { decode } from "fast-png";
import { type Body, DemoApi } from "./demo/api.ts";
import { Progress } from "./demo/progress.ts";
import { portOf, readCommandLine, runMain } from "./local/command-line.ts";
import { Problem, reasonOf } from "./local/problem.ts";
import { writeSample } from "./local/sample-image.ts";
import { defaultBasePort, loopback, pathsFor, repositoryRoot } from "./local/settings.ts";
import { openStack } from "./local/stack-child.ts";

const helpText = `Walks the story: a developer, two projects, one person in both, and a photo that becomes a picture.

  npm run demo                  with the stack on port ${defaultBasePort}; starts one when none answers there
  npm run demo -- --port 55321  with the stack on another port

CLOUD_API_URL and CLOUD_API_OPERATOR_KEY name another target, such as a hosted project.`;

type Target = {
  api: string;
  operator_key: string;
  folder: string;
  stop: () => Promise<void>;
};

type Told = Body & { told: string };

type App = {
  project_id: string;
  headers: Record<string, string>;
};

const demoPassword = "Demo-pass-1234";
const waitMs = 180_000;

async function main(): Promise<void> {
  const { values } = readCommandLine("npm run demo", helpText, { port: { type: "string", short: "p" } });
  const port = portOf(values.port, defaultBasePort);
  const progress = new Progress(process.stdout);
  const target = await findTarget(port, progress);
  try {
    await walk(target, progress);
  } finally {
    progress.stop();
    await target.stop();
  }
}

async function findTarget(port: number, progress: Progress): Promise<Target> {
  const foreign = process.env.CLOUD_API_URL?.replace(/\/+$/, "");
  if (foreign) {
    const operator_key = process.env.CLOUD_API_OPERATOR_KEY;
    if (!operator_key)
      throw new Problem("Set CLOUD_API_OPERATOR_KEY: the demo registers a developer with it.");
    const folder = join(repositoryRoot, ".local", "demo");
    return { api: `${foreign}/api/v1`, operator_key, folder, stop: async () => {} };
  }
  const api = `http://${loopback}:${port}/api/v1`;
  const folder = join(repositoryRoot, ".local", "demo");
  if (await isUp(api)) {
    const operator_key = process.env.CLOUD_API_OPERATOR_KEY || operatorKeyOf(port);
    return { api, operator_key, folder, stop: async () => {} };
  }
  const { stack, stop } = await progress.step("Start the back end", async () => {
    const opened = await openStack(["--port", String(port)]);
    return { ...opened, told: opened.stack.urls.gateway };
  });
  return { api, operator_key: stack.credentials.operator_key, folder, stop };
}

async function walk({ api, operator_key, folder }: Target, progress: Progress): Promise<void> {
  const client = new DemoApi(api);
  const unique = Date.now().toString(36);
  const developer = await progress.step("Register a developer", async (): Promise<Told> => {
    const body = await client.post(
      "/auth/register",
      { "X-Operator-Key": operator_key },
      {
        email: `developer-${unique}@example.com`,
        password: demoPassword,
        full_name: "Demo Developer",
      },
    );
    return { ...body, told: `${body.email}, with a project and keys` };
  });
  const { project_id, developer_key, api_key } = developer.provisioning as Record<string, string>;
  const first = appOf(project_id, developer_key, api_key);
  const second = await progress.step("Create a second project and its key", async () => {
    const bearer = { Authorization: `Bearer ${developer.access_token}` };
    const project = await client.post("/projects", bearer, { name: "Postcards" });
    const key = await client.post(`/projects/${project.id}/api-keys`, bearer, { name: "Web app" });
    return { ...appOf(project.id, developer_key, key.key), told: `project ${project.id}` };
  });

  const email = `ada-${unique}@example.com`;
  const tokens: unknown[] = [];
  const ids = new Set<unknown>();
  for (const [name, app] of [
    ["first", first],
    ["second", second],
  ] as const) {
    await progress.step(`Register ${email} in the ${name} project`, async () => {
      const user = await client.post("/auth/register", app.headers, { email, password: demoPassword });
      tokens.push(user.access_token);
      ids.add(user.id);
      return { told: `account ${user.id}` };
    });
  }
  if (ids.size !== 2) throw new Problem("One address in two projects is not two accounts.");

  mkdirSync(folder, { recursive: true });
  const photo = join(folder, "photo.png");
  writeSample(photo);
  const headers = { ...first.headers, Authorization: `Bearer ${tokens[0]}` };
  const generation = await progress.step("Upload a photo and a sentence", async (): Promise<Told> => {
    const form = new FormData();
    form.set("instructions", "Turn this photo into a watercolour");
    form.append("files", new Blob([readFileSync(photo)], { type: "image/png" }), "photo.png");
    const body = await client.send("POST", "/generation/generate-v2", headers, form);
    return { ...body, told: `generation ${body.id}` };
  });
  const done = await progress.step("Wait for the picture", async (): Promise<Told> => {
    const deadline = Date.now() + waitMs;
    for (;;) {
      const body = await client.send("GET", `/generation/${generation.id}/status?wait=20`, headers);
      if (body.status === "completed") return { ...body, told: String(body.model) };
      if (body.status !== "pending" && body.status !== "processing")
        throw new Problem(`The generation ${generation.id} ${body.status}: ${body.error}`);
      if (Date.now() > deadline)
        throw new Problem(`The generation ${generation.id} is not done after 3 minutes.`);
    }
  });
  const file = join(folder, `${generation.id}.png`);
  await progress.step("Download it and look inside", async () => {
    const bytes = await client.download(String(done.generated_image_url));
    writeFileSync(file, bytes);
    const { width, height } = readPng(bytes);
    return { told: `${width} × ${height} pixels, ${Math.ceil(bytes.byteLength / 1024)} KB` };
  });
  progress.finish(`The picture: ${shortest(file)}`);
}

function appOf(projectId: unknown, developerKey: unknown, apiKey: unknown): App {
  const [id, developer, key] = [projectId, developerKey, apiKey].map(String) as [string, string, string];
  return { project_id: id, headers: { "X-Project-ID": id, "X-Developer-Key": developer, "X-API-Key": key } };
}

function readPng(bytes: Uint8Array): { width: number; height: number } {
  try {
    return decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new Problem(`The picture is no readable PNG: ${reasonOf(error)}.`);
  }
}

async function isUp(api: string): Promise<boolean> {
  const response = await fetch(`${api}/health`, { signal: AbortSignal.timeout(5_000) }).catch(
    () => undefined,
  );
  await response?.body?.cancel();
  return response?.ok === true;
}

function operatorKeyOf(port: number): string {
  try {
    const { credentials } = pathsFor(join(repositoryRoot, ".local", String(port)));
    return (JSON.parse(readFileSync(credentials, "utf8")) as { operator_key: string }).operator_key;
  } catch {
    throw new Problem(
      `The stack on port ${port} keeps its keys elsewhere: set CLOUD_API_OPERATOR_KEY to the operator key that it printed.`,
    );
  }
}

/** A path to paste, relative if it is below this folder. */
function shortest(file: string): string {
  const from_here = relative(process.cwd(), file);
  return from_here.startsWith("..") ? file : from_here;
}

await runMain(main, "The demo failed");
