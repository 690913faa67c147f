import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packClient } from "../../scripts/build-client/client-package.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { type Project, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { png, pngSignature } from "../support/images.ts";
import { runProgram, runtimes } from "../support/runtimes.ts";
import { serveStack } from "../support/served-api.ts";
import { snippetsOf } from "../support/snippets.ts";

// A new project: npm installs the packed tarball, and the programs of the README run.

// Requests of the programs pass through this server, which checks each answer against docs/openapi.json.
const stack = await serveStack();
const folder = mkdtempSync(join(tmpdir(), "cloud-api-newcomer-"));
const project = join(folder, "project");
const blocks = snippetsOf("packages/client/README.md");
const commands = blocks.filter(({ language }) => language === "sh").flatMap(({ text }) => text.split("\n"));
const programs = blocks.filter(({ language }) => language === "js");
const nameOf = (code: string) => /^\/\/ (\S+)\n/.exec(code)?.[1] ?? "";
let env: Record<string, string> = {};
let app: Project;

beforeAll(async () => {
  const developer = await registerDeveloper();
  app = developer.project;
  const user = await registerEndUser(app);
  env = {
    NEXT_PUBLIC_API_URL: stack.url,
    DEVKIT4AI_DEVELOPER_KEY: app.developer_key,
    DEVKIT4AI_PROJECT_ID: app.id,
    DEVKIT4AI_PROJECT_KEY: app.api_key,
    DEVELOPER_EMAIL: developer.email,
    EMAIL: user.email,
    PASSWORD: password,
    DEVELOPER_PASSWORD: password,
  };
  const packed = join(folder, "packed");
  mkdirSync(packed);
  mkdirSync(join(project, "node_modules", "next"), { recursive: true });
  const tarball = await packClient(packed);
  for (const command of commands.filter((line) => line.startsWith("npm "))) {
    const args = command
      .replace(`../cloud-api/dist/${basename(tarball)}`, tarball)
      .split(" ")
      .slice(1);
    const { code, output } = await runProgram(
      "npm",
      [...args, "--offline", "--no-audit", "--no-fund"],
      project,
    );
    if (code !== 0) throw new Error(`${command}: ${output}`);
  }
  writeFileSync(
    join(project, ".env"),
    Object.entries(env)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  writeFileSync(join(project, "photo.png"), png());
  for (const { text } of programs) writeFileSync(join(project, nameOf(text)), `${text}\n`);
  cpSync(join(repositoryRoot, "tests/e2e/programs/sdk-proof.mjs"), join(project, "sdk-proof.mjs"));
  cpSync(join(repositoryRoot, "tests/e2e/programs/next-actions.mjs"), join(project, "next-actions.mjs"));
  cpSync(join(repositoryRoot, "examples/nextjs"), join(project, "nextjs"), { recursive: true });
  installNextHeaders();
}, 120_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack.stop();
});

/** Stand-ins for the functions of Next.js that the README and the example use. They print their calls. */
function installNextHeaders() {
  const next = join(project, "node_modules", "next");
  mkdirSync(next, { recursive: true });
  writeFileSync(
    join(next, "package.json"),
    JSON.stringify({
      name: "next",
      version: "0.0.0",
      type: "module",
      exports: { "./headers": "./headers.js", "./cache": "./cache.js", "./navigation": "./navigation.js" },
    }),
  );
  writeFileSync(
    join(next, "headers.js"),
    `const jar = new Map();
export const cookies = async () => ({
  get: (name) => jar.get(name),
  set(name, value, options) { jar.set(name, { value }); console.log("set", name, JSON.stringify(options)); },
});`,
  );
  writeFileSync(
    join(next, "headers.d.ts"),
    `type Jar = { get(name: string): { value: string } | undefined; set(name: string, value: string, options: object): void };
export function cookies(): Promise<Jar>;`,
  );
  writeFileSync(
    join(next, "cache.js"),
    `export const revalidatePath = (path) => console.log("shown anew:", path);`,
  );
  writeFileSync(join(next, "cache.d.ts"), "export function revalidatePath(path: string): void;");
  writeFileSync(
    join(next, "navigation.js"),
    'export const redirect = (path) => { throw new Error("redirect to " + path); };',
  );
  writeFileSync(join(next, "navigation.d.ts"), "export function redirect(path: string): never;");
}

const picture = () => [...readFileSync(join(project, "picture.png")).subarray(0, 8)];

test.each(runtimes())(
  "the first program of the SDK's README makes a PNG on $name",
  async ({ command, args }) => {
    rmSync(join(project, "picture.png"), { force: true });
    const ran = await runProgram(command, [...args, "picture.mjs"], project, env);
    expect(ran).toMatchObject({ code: 0, output: expect.stringContaining("completed") });
    expect(picture()).toEqual(pngSignature);
  },
);

test.concurrent.each(runtimes())("the SDK's eight guarantees hold on $name", async ({ command, args }) => {
  // The program counts the generations of its user.
  const { email } = await registerEndUser(app);
  const { code, output } = await runProgram(command, [...args, "sdk-proof.mjs"], project, {
    ...env,
    EMAIL: email,
  });
  expect(code, output).toBe(0);
  expect(output.match(/^kept: /gm)).toHaveLength(8);
});

test("the command of the SDK's README makes a PNG with the .env that npm start writes", async () => {
  rmSync(join(project, "picture.png"), { force: true });
  const [, ...args] = commands.find((line) => line.startsWith("node "))?.split(" ") ?? [];
  expect(await runProgram(process.execPath, args, project)).toMatchObject({ code: 0 });
  expect(picture()).toEqual(pngSignature);
});

test.each([
  ["watercolour.mjs", ""],
  ["limits.mjs", "no limit"],
  ["lists.mjs", "My first project"],
  ["errors.mjs", "401 invalid_credentials"],
  ["live.mjs", "completed http"],
  ["once.mjs", "true"],
])("the program %s of the SDK's README runs and prints %j", async (name, words) => {
  const ran = await runProgram(process.execPath, [name], project, env);
  expect(ran).toMatchObject({ code: 0, output: expect.stringContaining(words) });
  expect(ran.output).not.toContain("Warning");
});

test("session.mjs of the SDK's README signs in and keeps the session in an HttpOnly cookie", async () => {
  const code = `console.log((await (await import("./session.mjs")).signIn(process.env.EMAIL, process.env.PASSWORD)).email)`;
  const ran = await runProgram(process.execPath, ["--input-type=module", "-e", code], project, env);
  expect(ran).toMatchObject({ code: 0, output: expect.stringContaining('"httpOnly":true,"secure":false') });
  expect(ran.output).toContain(env.EMAIL);
});

test("the programs of the SDK's README compile in a strict TypeScript project", async () => {
  const folder = join(project, "strict");
  mkdirSync(folder, { recursive: true });
  const files = programs.map(({ text }) => {
    const name = nameOf(text).replace(".mjs", ".mts");
    // A TypeScript project needs types for one function and one callback of the README.
    const typed = text
      .replace("signIn(email, password)", "signIn(email: string, password: string)")
      .replace("({ status }) =>", "({ status }: { status: string }) =>");
    writeFileSync(join(folder, name), `${typed}\n`);
    return name;
  });
  const compilerOptions = {
    ...{
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: "es2022",
      lib: ["es2022", "dom", "dom.iterable"],
    },
    ...{
      module: "nodenext",
      moduleResolution: "nodenext",
      types: [join(repositoryRoot, "node_modules/@types/node")],
    },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const tsc = join(repositoryRoot, "node_modules/typescript-native/bin/tsc");
  expect(await runProgram(process.execPath, [tsc, "-p", folder], project)).toEqual({ code: 0, output: "" });
});

test("the server actions of the Next.js example reject a weak password, register, make a picture and sign out", async () => {
  const { code, output } = await runProgram(process.execPath, ["next-actions.mjs"], project, env);
  expect(code, output).toBe(0);
  expect(output.split("\n").filter((line) => !/^set /.test(line))).toEqual([
    "problem: The password must contain an upper-case letter (A to Z).",
    "redirect to /pictures",
    "shown anew: /pictures",
    "completed",
    "redirect to /",
    "signed out: true",
    "",
  ]);
});

test("the actions and the client of the Next.js example compile with the example's own settings", async () => {
  const files = ["nextjs/app/actions.ts", "nextjs/lib/client.ts"];
  const { compilerOptions } = JSON.parse(
    readFileSync(join(repositoryRoot, "examples/nextjs/tsconfig.json"), "utf8"),
  );
  const options = {
    ...compilerOptions,
    incremental: false,
    types: [join(repositoryRoot, "node_modules/@types/node")],
  };
  writeFileSync(join(project, "tsconfig.next.json"), JSON.stringify({ compilerOptions: options, files }));
  const tsc = join(repositoryRoot, "node_modules/typescript/bin/tsc");
  expect(await runProgram(process.execPath, [tsc, "-p", "tsconfig.next.json"], project)).toEqual({
    code: 0,
    output: "",
  });
});

test("the curl example registers and makes a PNG, from a prompt alone and from a photo", async () => {
  const script = join(repositoryRoot, "examples/curl/picture.sh");
  for (const args of [[], ["photo.png"]]) {
    rmSync(join(project, "picture.png"), { force: true });
    const ran = await runProgram("sh", [script, ...args], project, env);
    expect(ran).toMatchObject({ code: 0, output: expect.stringMatching(/completed\nwrote picture\.png\n$/) });
    expect(picture()).toEqual(pngSignature);
  }
  const without = await runProgram("sh", [script], project, { ...env, NEXT_PUBLIC_API_URL: "" });
  expect(without.code).not.toBe(0);
  expect(without.output).toContain("Export the .env");
});

test("the repository's README shows the same first program as the SDK's README", () => {
  const first = blocks.slice(0, 3).map(({ language, text }) => ({ language, text }));
  const [, ...shown] = snippetsOf("README.md").map(({ language, text }) => ({ language, text }));
  expect(shown.slice(0, 3)).toEqual(first);
});

test("this suite runs every code block of the SDK's README", () => {
  expect(blocks.map(({ language }) => language).filter((one) => one !== "js" && one !== "sh")).toEqual([]);
  expect(commands.filter((line) => !/^(npm|node --env-file)/.test(line))).toEqual([]);
  expect(programs.map(({ text }) => nameOf(text)).sort()).toEqual([
    "cloud.mjs",
    "errors.mjs",
    "limits.mjs",
    "lists.mjs",
    "live.mjs",
    "once.mjs",
    "picture.mjs",
    "session.mjs",
    "watercolour.mjs",
  ]);
  expect([...readFileSync(join(project, "watercolour.png")).subarray(0, 8)]).toEqual(pngSignature);
});

// TypeScript 7 no longer knows the resolution node10.
test.each([
  ["nodenext", "nodenext", "typescript-native"],
  ["esnext", "bundler", "typescript-native"],
  ["esnext", "node10", "typescript"],
])(
  "the SDK's types work in a strict project with module %s and resolution %s, without the types of Node",
  async (module, moduleResolution, compiler) => {
    writeFileSync(
      join(project, "use.ts"),
      `import { createClient, type Generation, type Project } from "@devkit4ai/client";
const client = createClient({ url: "http://127.0.0.1" });
declare const unset: string | undefined;
createClient({ url: unset });
export async function use(): Promise<"completed" | "failed" | "canceled"> {
  for await (const project of client.projects.list()) { const { name }: Project = project; void name; }
  const { id }: Generation = await client.generations.create({ prompt: "x", files: [new Uint8Array()] });
  // @ts-expect-error a prompt is needed
  await client.generations.create({ files: [] });
  // @ts-expect-error there is no such field
  await client.projects.create({ name: "x", colour: "red" });
  const done = await client.generations.wait(id);
  const picture: string = done.status === "completed" ? done.generated_image_url : done.error;
  const { generated_image_url }: { generated_image_url: string } = await client.generations.run({ prompt: picture });
  void generated_image_url;
  return done.status;
}
`,
    );
    const options = {
      strict: true,
      noEmit: true,
      target: "es2022",
      lib: ["es2022", "dom"],
      types: [],
      skipLibCheck: false,
    };
    writeFileSync(
      join(project, "tsconfig.json"),
      JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["use.ts"] }),
    );
    const tsc = join(repositoryRoot, "node_modules", compiler, "bin/tsc");
    expect(await runProgram(process.execPath, [tsc, "-p", project], project)).toEqual({
      code: 0,
      output: "",
    });
  },
);
