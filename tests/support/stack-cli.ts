import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import type { Stack } from "../../scripts/local/stack-facts.ts";

export type Ready = Pick<Stack, "urls" | "keys" | "database_url" | "credentials" | "ready_after_ms">;

/** Runs `npm start` and reads its output by line. */
export class StackCli {
  readonly child: ChildProcess;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  readonly errors: string[] = [];
  readonly output: string[] = [];
  #wake: (() => void)[] = [];

  constructor(
    args: string[],
    env: NodeJS.ProcessEnv = process.env,
    checkout = repositoryRoot,
    umask = "022",
  ) {
    const words = ["node", join(checkout, "scripts", "bootstrap.mjs"), "scripts/start.ts", ...args];
    this.child = spawn("/bin/sh", ["-c", `umask ${umask}; exec "$@"`, "start", ...words], {
      cwd: checkout,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#follow(this.child.stdout, this.output);
    this.#follow(this.child.stderr, this.errors);
    // At "close" every line has arrived, but not at "exit".
    this.exited = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        resolve(code ?? signal ?? 1);
        for (const wake of this.#wake.splice(0)) wake();
      });
    });
  }

  /** The line of `--json`, which is printed when the stack is ready. */
  async ready(): Promise<Ready> {
    return JSON.parse(await this.#line(this.output, (line) => line.startsWith("{"))) as Ready;
  }

  /** Waits for a line on stderr that contains the words. */
  lineWith(words: string): Promise<string> {
    return this.#line(this.errors, (line) => line.includes(words));
  }

  #follow(stream: NodeJS.ReadableStream | null, lines: string[]): void {
    if (stream === null) return;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const wake of this.#wake.splice(0)) wake();
    });
  }

  async #line(lines: string[], matches: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = lines.find(matches);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.exited;
        const late = lines.find(matches);
        if (late !== undefined) return late;
        throw new Error(`The stack ended without that line:\n${this.errors.join("\n")}`);
      }
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}

/** The processes whose command line or environment contains one of the words. It works only on Linux. */
export function processesNaming(...words: string[]): { name: string; pid: number }[] {
  const ids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return ids.flatMap((id) => {
    try {
      const text = `${readFileSync(`/proc/${id}/cmdline`, "utf8")}\0${readFileSync(`/proc/${id}/environ`, "utf8")}`;
      const name = text.split("\0").slice(0, 3).join(" ");
      return words.some((word) => text.includes(word)) && Number(id) !== process.pid
        ? [{ name, pid: Number(id) }]
        : [];
    } catch {
      return [];
    }
  });
}
