import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { Problem } from "./problem.ts";
import { repositoryRoot } from "./settings.ts";
import type { Stack } from "./stack-facts.ts";

type ReadyStack = Pick<Stack, "urls" | "keys" | "database_url" | "credentials">;

/**
 * Starts `npm start` with these arguments as a child, and waits until it is ready. It always ends with this process.
 * @throws Problem with the sentence of a failed start.
 */
export async function openStack(args: string[]): Promise<{ stack: ReadyStack; stop: () => Promise<void> }> {
  const script = join(repositoryRoot, "scripts", "start.ts");
  const child = spawn(process.execPath, [script, "--json", "--quiet", ...args], {
    cwd: repositoryRoot,
    // The channel closes when this process ends, and then the stack ends.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // It has its own process group, so that Ctrl-C reaches only this process, which then ends the stack.
    detached: true,
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let last = "";
  createInterface({ input: child.stderr as Readable }).on("line", (line) => {
    last = line || last;
  });
  const ready = new Promise<ReadyStack>((resolve) => {
    createInterface({ input: child.stdout as Readable }).once("line", (line) =>
      resolve(JSON.parse(line) as ReadyStack),
    );
  });
  const stack = await Promise.race([ready, closed]);
  if (stack === undefined) throw new Problem(last || "The stack ended while it was starting.");
  const stop = async () => {
    child.kill("SIGTERM");
    await closed;
  };
  return { stack, stop };
}
