import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { curlLines } from "../../scripts/local/banner.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { freshEmail, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { photo } from "../support/generation.ts";
import {
  bash,
  makeReaderFolder,
  runInShell,
  runnable,
  type Snippet,
  sendRequest,
  snippetsOf,
} from "../support/snippets.ts";
import { cannotRunHere, runBySuite } from "../support/snippets-elsewhere.ts";

// Runs the code blocks of the guides as a reader would. The suite `sdk-package` runs those of the SDK's README.

const { urls, credentials, database_url } = inject("stack");
const documents = [
  "README.md",
  ...readdirSync(join(repositoryRoot, "docs"))
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`),
  ...readdirSync(join(repositoryRoot, "examples")).map((folder) => `examples/${folder}/README.md`),
];
const snippets = documents.flatMap(snippetsOf);
const elsewhere = new Set([...runBySuite, ...cannotRunHere].map(({ text }) => text));
const isRun = ({ language, text }: Snippet) => runnable.includes(language) && !elsewhere.has(text);
const where = ({ file, line }: Snippet) => `${file}:${line}`;
/** The blocks that set the variables of every guide. */
const variables = snippetsOf("docs/quick-start.md").filter(({ text }) => text.includes(". ./.env"));

const folder = mkdtempSync(join(tmpdir(), "cloud-api-reader-"));
let env: Record<string, string> = {};

beforeAll(async () => {
  const developer = await registerDeveloper();
  const { project } = developer;
  const user = await registerEndUser(project);
  env = {
    NEXT_PUBLIC_API_URL: urls.gateway,
    DEVKIT4AI_DEVELOPER_KEY: project.developer_key,
    DEVKIT4AI_PROJECT_ID: project.id,
    DEVKIT4AI_PROJECT_KEY: project.api_key,
  };
  Object.assign(env, {
    OPERATOR_KEY: credentials.operator_key ?? "",
    DEVELOPER_EMAIL: developer.email,
    DEVELOPER_PASSWORD: password,
    EMAIL: freshEmail("reader"),
    TOKEN: user.token,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const documentsToRun = documents.filter((file) => snippets.some((one) => one.file === file && isRun(one)));

describe.concurrent.each(documentsToRun)("%s", (document) => {
  const own = snippets.filter((snippet) => snippet.file === document && isRun(snippet));
  const programs = own.filter(({ language }) => ["sh", "js", "ts"].includes(language));
  const requests = own.filter(({ language }) => language === "http");
  const statements = own.filter(({ language }) => language === "sql");

  if (programs.length > 0)
    test(`the ${programs.length} commands and programs of ${document} succeed, one after another`, async () => {
      const reader = join(folder, document.replaceAll(/\W/g, "-"));
      mkdirSync(reader);
      if (document.startsWith("examples/"))
        cpSync(join(repositoryRoot, document, ".."), reader, { recursive: true });
      const { TOKEN: _, ...given } = env;
      makeReaderFolder(reader, given, new Uint8Array(await photo().arrayBuffer()));
      const before = document === "docs/quick-start.md" ? [] : variables;
      await runInShell(
        [...before, ...programs],
        reader,
        { ...given, EMAIL: freshEmail("reader") },
        urls.gateway,
      );
    });

  for (const snippet of requests)
    test(`the request at line ${snippet.line} of ${document} gets the answer that the guide shows`, async () => {
      const status = await sendRequest(snippet, urls.gateway, env);
      expect(status).toBe(snippet.refused ?? (status < 400 ? status : "a success"));
    });

  for (const snippet of statements)
    test(`the SQL at line ${snippet.line} of ${document} runs`, async () => {
      const sql = postgres(database_url ?? "", { max: 1, onnotice: () => {} });
      const undone = new Error("rolled back");
      await expect(
        sql
          .begin(async (transaction) => {
            await transaction.unsafe(snippet.text);
            throw undone;
          })
          .finally(() => sql.end({ timeout: 2 })),
      ).rejects.toBe(undone);
    });
});

test("the curl commands that npm start prints and the page at / shows make a picture", async () => {
  const reader = join(folder, "banner");
  mkdirSync(reader);
  makeReaderFolder(reader, {}, new Uint8Array(await photo().arrayBuffer()));
  const facts = { urls, credentials, paths: { sample: join(reader, "photo.png") } };
  const lines = curlLines(facts as unknown as Parameters<typeof curlLines>[0]);
  const { code, output } = await bash(`set -e -o pipefail\n${lines.join("\n")}\n`, reader);
  expect({
    code,
    status: /"status":"(\w+)"/.exec(output.split("\n").at(-1) ?? "")?.[1],
    output,
  }).toMatchObject({
    code: 0,
    status: "completed",
  });
});

test("every code block runs here, runs in another suite, or is listed with the reason why it cannot run", () => {
  const ran = snippets.filter(isRun).length;
  const listed = snippets.filter(({ text }) => cannotRunHere.some((one) => one.text === text)).length;
  const inSuites = snippets.filter(({ text }) => runBySuite.some((one) => one.text === text)).length;
  console.log(
    `${ran} blocks ran here, ${inSuites} are run by other suites, ${listed} cannot run on this machine.`,
  );
  const texts = new Set(snippets.map(({ text }) => text));
  expect([...elsewhere].filter((text) => !texts.has(text))).toEqual([]);
  for (const { suite } of runBySuite)
    expect([suite, existsSync(join(repositoryRoot, suite))]).toEqual([suite, true]);
  const shown = snippets.filter(({ language }) => !runnable.includes(language));
  expect(
    shown.filter(({ language }) => !["", "text", "json", "env", "yaml"].includes(language)).map(where),
  ).toEqual([]);
  // A block that shows output contains no command.
  const command = /^\s*(\$ |curl |npm |npx |node |psql |docker |git )/m;
  expect(shown.filter(({ text }) => command.test(text)).map(where)).toEqual([]);
  for (const snippet of shown.filter(({ language }) => language === "json"))
    expect(() => JSON.parse(snippet.text), where(snippet)).not.toThrow();
});

test("every npm command and file that a guide names exists", () => {
  const scriptsOf = (file: string) =>
    existsSync(file) ? Object.keys(JSON.parse(readFileSync(file, "utf8")).scripts ?? {}) : [];
  const ofRoot = [...scriptsOf(join(repositoryRoot, "package.json")), "init", "install", "ci"];
  for (const document of [...documents, "CONTRIBUTING.md", "packages/client/README.md"]) {
    const markdown = readFileSync(join(repositoryRoot, document), "utf8");
    const commands = Array.from(markdown.matchAll(/`npm (?:run )?([\w:-]+)/g), ([, name = ""]) => name);
    const known = [...ofRoot, ...scriptsOf(join(repositoryRoot, document, "..", "package.json"))];
    const missing = commands.filter((name) => !known.includes(name));
    expect([document, missing]).toEqual([document, []]);
    const links = Array.from(markdown.matchAll(/(?:\]\(|src=")([^)"#\s]+)/g), ([, target = ""]) => target);
    const broken = links.filter(
      (target) => !/^[a-z]+:/.test(target) && !existsSync(join(repositoryRoot, document, "..", target)),
    );
    expect([document, broken]).toEqual([document, []]);
  }
});
