import { spawn } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, join } from "node:path";
import { repositoryRoot } from "../../scripts/local/settings.ts";

export type Ran = { code: number; output: string };

/** Runs a program in the folder. `output` contains both streams. */
export function runProgram(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Every program with this name: that of node_modules and those in the PATH. */
function installed(name: string): string[] {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const candidates = [join(repositoryRoot, "node_modules", ".bin"), ...folders].map((folder) =>
    join(folder, name),
  );
  const found = candidates.flatMap((path) => {
    try {
      accessSync(path, constants.X_OK);
      return [realpathSync(path)];
    } catch {
      return [];
    }
  });
  return [...new Set(found)].filter((path) => !path.endsWith(".js"));
}

/** The command of each runtime, with the arguments before the file name. */
export function runtimes(): { name: string; command: string; args: string[] }[] {
  const [own = process.execPath] = installed("node");
  const deno = (folder: string) => ({
    name: folder,
    command: own,
    args: [join(repositoryRoot, "node_modules", folder, "bin.cjs"), "run", "--no-prompt", "--allow-all"],
  });
  return [
    ...installed("node").map((command) => ({
      name: `Node at ${command.replace(repositoryRoot, "")}`,
      command,
      args: [],
    })),
    ...installed("bun").map((command) => ({ name: "bun", command, args: [] })),
    deno("deno"),
    deno("deno-hosted"),
  ];
}
