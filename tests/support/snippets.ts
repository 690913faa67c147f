import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../scripts/local/settings.ts";

/** A fenced block of a document. */
export type Snippet = {
  file: string;
  line: number;
  language: string;
  /** The expected error status of every request of the block. By default requests must succeed. */
  refused: number | undefined;
  text: string;
};

export const runnable = ["sh", "js", "ts", "sql", "http"];

export function snippetsOf(file: string): Snippet[] {
  const markdown = readFileSync(join(repositoryRoot, file), "utf8");
  return Array.from(markdown.matchAll(/^( *)```([^\n`]*)\n(.*?)^\1```$/gms), (match) => {
    const [, indent = "", info = "", body = ""] = match;
    const [language = "", status] = info.trim().split(/\s+/);
    return {
      file,
      line: markdown.slice(0, match.index).split("\n").length,
      language,
      refused: status === undefined ? undefined : Number(status),
      text: body.replaceAll(new RegExp(`^${indent}`, "gm"), "").trimEnd(),
    };
  });
}

/** Makes a folder as the guides assume it, with the `.env` of `npm start`, a photo, and the SDK. */
export function makeReaderFolder(folder: string, env: Record<string, string>, photo: Uint8Array): void {
  const sdk = join(folder, "node_modules", "@devkit4ai", "client");
  mkdirSync(sdk, { recursive: true });
  // Links the sources, which Node can run. The suite sdk-package tests the package itself.
  symlinkSync(join(repositoryRoot, "packages", "client", "src"), join(sdk, "src"));
  const manifest = { name: "@devkit4ai/client", version: "0.0.0", type: "module", exports: "./src/index.ts" };
  writeFileSync(join(sdk, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "photo.png"), photo);
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, ".env"), lines.join(""));
}

/** The gateway's address in the guides. */
const documentedGateway = "http://127.0.0.1:54321";

/** The prelude of bash: a refused request fails, unless the block expects its status. */
const prelude = `set -e -o pipefail
curl() {
  if [ -z "$REFUSED" ]; then command curl --show-error --fail-with-body "$@"; return; fi
  local code=0
  command curl --show-error --fail-with-body "$@" 2> .curl-errors || code=$?
  grep -q "error: $REFUSED" .curl-errors || { echo "not refused with $REFUSED (curl $code)"; cat .curl-errors; return 1; }
}
`;

/**
 * Runs the sh, js and ts blocks one after another in one bash, so that variables stay as for a reader.
 * @throws Error that names the failed block and its output
 */
export async function runInShell(
  snippets: Snippet[],
  folder: string,
  env: Record<string, string>,
  gateway: string,
): Promise<void> {
  const script = snippets.map((snippet, index) => {
    const begin = `echo "::block ${index}"; REFUSED=${snippet.refused ?? ""}`;
    const text = snippet.text.replaceAll(documentedGateway, gateway);
    return `${begin}\n${snippet.language === "sh" ? text : program({ ...snippet, text }, index, folder)}\n`;
  });
  const { code, output } = await bash(`${prelude + script.join("")}echo "::end"\n`, folder, env);
  if (code === 0 && output.includes("::end\n")) return;
  const last = output.split(/^::block /m).at(-1) ?? "";
  const failed = snippets[Number.parseInt(last, 10)];
  throw new Error(
    `${failed?.file}:${failed?.line} failed (exit code ${code}):\n${failed?.text}\n---\n${last}`,
  );
}

/** Writes the program to the file of its first line. @returns the command that runs it */
function program({ text, language }: Snippet, index: number, folder: string): string {
  const name =
    /^\/\/ ([\w-]+\.(?:m?[jt]s))$/m.exec(text)?.[1] ?? `block-${index}.${language === "ts" ? "mts" : "mjs"}`;
  writeFileSync(join(folder, name), `${text}\n`);
  return `node --env-file=.env ${name}`;
}

export function bash(
  script: string,
  cwd: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("bash", ["-s"], {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, NO_COLOR: "1", NODE_NO_WARNINGS: "1", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk) => {
        output += chunk;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
    child.stdin.end(script);
  });
}

/** Sends an `http` block with its variables replaced. @returns the status */
export async function sendRequest(
  snippet: Snippet,
  base: string,
  env: Record<string, string>,
): Promise<number> {
  const text = snippet.text.replace(/\$(\w+)/g, (whole, name) => env[name] ?? whole);
  const [head = "", ...rest] = text.split("\n\n");
  const [request = "", ...headers] = head.split("\n");
  const [method = "GET", path = "/"] = request.split(" ");
  const body = rest.join("\n\n");
  const fields = headers.map((line) => line.split(/:\s*/, 2) as [string, string]);
  const init = { method, headers: Object.fromEntries(fields), ...(body === "" ? {} : { body }) };
  const response = await fetch(new URL(path, base), init);
  await response.body?.cancel();
  return response.status;
}
