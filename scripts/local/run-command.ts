import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { repositoryRoot } from "./settings.ts";

const settings = {
  PATH: `${join(repositoryRoot, "node_modules", ".bin")}${delimiter}${process.env.PATH}`,
  DO_NOT_TRACK: "1",
  SUPABASE_TELEMETRY_DISABLED: "1",
  SUPABASE_NO_UPDATE_NOTIFIER: "1",
  DENO_NO_UPDATE_CHECK: "1",
};

/** Runs a command of node_modules/.bin in the project's folder. Its output is collected, or goes to the terminal. */
export function runCommand(
  command: string,
  args: string[],
  show = false,
): Promise<{ code: number; output: string }> {
  const out = show ? "inherit" : "pipe";
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: repositoryRoot,
      env: { ...process.env, ...settings },
      stdio: ["ignore", out, out],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk) => {
        output += chunk;
      });
    }
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
