import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { onPath, Problem, reasonOf } from "./problem.ts";
import type { Program } from "./run-as.ts";
import { repositoryRoot } from "./settings.ts";
import { whyOf } from "./why.ts";

export type PartOptions = Program & {
  /** The name for people, such as "the mail inbox". */
  name: string;
  /** The whole environment of the child, which inherits nothing. */
  env: Record<string, string>;
  log_file: string;
  /** Probes the part once. It throws until the part answers. */
  probe: () => Promise<void>;
  /** Probes the part once, independently of other parts. It throws without an answer in time. */
  look?: (withinMs: number) => Promise<void>;
  /** The signal for a clean end. */
  stop_signal?: NodeJS.Signals;
  /** The signal that ends it after the whole stack was killed. */
  orphan_signal?: NodeJS.Signals;
  /** The time to end before it is killed. */
  stop_within_ms?: number;
};

/** The stack, as a part uses it: for its processes, and for lines on the terminal. */
export type PartHost = {
  /** Aborts when another part could not start, so that this one gives up too. */
  given_up: AbortSignal;
  report: (line: string) => void;
  processesChanged: () => void;
  /** The longest pause before a restart of a part that dies repeatedly. */
  last_backoff_ms: number;
  /** The timeout of one probe. A part that misses three in a row hangs. */
  look_ms: number;
};

const readyWithinMs = 90_000;
const firstBackoffMs = 250;
const steadyAfterMs = 30_000;
const stopWithinMs = 8_000;
/** Probes are counted instead of timed, because one probe may fail after the machine was asleep. */
const missedLooks = 3;

/** Starts, watches and ends a child process, and restarts it with growing pauses. */
export class Part {
  readonly options: PartOptions;
  #host: PartHost;
  #child: ChildProcess | undefined;
  #exit: Promise<string> = Promise.resolve("");
  #stopping = false;
  #backoff_ms = firstBackoffMs;
  #abortBackoff = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(options: PartOptions, host: PartHost) {
    this.options = options;
    this.#host = host;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the part answers. Throws a `Problem` with its last lines if it ends before. */
  async start(): Promise<void> {
    await this.#launch();
    this.#watching = this.#watch();
  }

  /** Ends the process and waits for its end. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#abortBackoff.abort();
    const pid = this.#child?.pid;
    if (pid !== undefined) {
      signalQuietly(pid, this.options.stop_signal ?? "SIGTERM");
      const gone = await Promise.race([
        this.#exit.then(() => true),
        delay(this.options.stop_within_ms ?? stopWithinMs, false, { ref: false }),
      ]);
      if (!gone) {
        signalQuietly(-pid, "SIGKILL");
        await this.#exit;
      }
    }
    await this.#watching;
  }

  async #launch(): Promise<void> {
    const { command, args, env, account, name } = this.options;
    const { given_up } = this.#host;
    if (given_up.aborted) throw new Problem(`${name} was not started`);
    const log = openLog(this.options.log_file);
    const started_at = Date.now();
    let child: ChildProcess;
    try {
      // Detached, so that Ctrl-C reaches only the supervisor, which ends its parts in order.
      const stdio: StdioOptions = ["ignore", log, log];
      child = spawn(command, args, { cwd: repositoryRoot, env, stdio, detached: true, ...account });
    } finally {
      closeSync(log);
    }
    this.#child = child;
    this.#exit = new Promise((resolve) => {
      child.once("error", (error) => resolve(reasonOf(error)));
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    let ended: string | undefined;
    void this.#exit.then((reason) => {
      ended = reason;
      if (this.#child === child) this.#child = undefined;
      this.#host.processesChanged();
    });
    this.#host.processesChanged();
    for (let pause = 15; ; pause = Math.min(pause * 1.3, 200)) {
      if (ended !== undefined || this.#stopping || given_up.aborted) {
        throw new Problem(
          `${name} ended while starting (${ended ?? "stopped"})${lastWords(this.options.log_file)}`,
        );
      }
      try {
        await this.options.probe();
        return;
      } catch (error) {
        if (Date.now() - started_at > readyWithinMs) {
          signalQuietly(-(child.pid ?? 0), "SIGKILL");
          await this.#exit;
          throw new Problem(`${name} did not answer within ${readyWithinMs / 1000} s (${reasonOf(error)})`);
        }
      }
      await Promise.race([this.#exit, delay(pause)]);
    }
  }

  /** Kills the process if it hangs, for example in an endless loop. Then `#watch` starts it again. */
  async #endWhenItHangs(child: ChildProcess | undefined): Promise<void> {
    const { look, name } = this.options;
    const { look_ms, report } = this.#host;
    if (look === undefined || child === undefined) return;
    for (let missed = 0; missed < missedLooks; ) {
      if (missed === 0)
        await delay(look_ms / 2, undefined, { ref: false, signal: this.#abortBackoff.signal }).catch(
          () => {},
        );
      if (this.#stopping || this.#child !== child) return;
      const answered = await look(look_ms).then(
        () => true,
        () => false,
      );
      missed = answered ? 0 : missed + 1;
    }
    if (this.#stopping || this.#child !== child) return;
    report(`${name} hangs: it has not answered for ${(missedLooks * look_ms) / 1000} s, so it is stopped`);
    signalQuietly(-(child.pid ?? 0), "SIGKILL");
  }

  async #watch(): Promise<void> {
    while (!this.#stopping) {
      const up_since = Date.now();
      void this.#endWhenItHangs(this.#child);
      const reason = await this.#exit;
      if (this.#stopping) return;
      if (Date.now() - up_since > steadyAfterMs) this.#backoff_ms = firstBackoffMs;
      const wait = this.#backoff_ms;
      this.#backoff_ms = Math.min(wait * 2, this.#host.last_backoff_ms);
      this.#host.report(
        `${this.options.name} died (${reason}) and is restarted${lastWords(this.options.log_file)}`,
      );
      try {
        await delay(wait, undefined, { signal: this.#abortBackoff.signal });
        await this.#launch();
        this.#host.report(`${this.options.name} is back`);
      } catch {
        // It was stopped, or has ended again. The next round handles it.
      }
    }
  }
}

/** Sends a signal to a process, or to its group if `pid` is negative. The process may have ended already. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) return;
  try {
    process.kill(pid, signal);
  } catch {}
}

const logLimitBytes = 5_000_000;

function openLog(path: string): number {
  const is_long = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes;
  return onPath(path, () => openSync(path, is_long ? "w" : "a", 0o600));
}

/** The line of the log with the reason, and the path of the log. */
function lastWords(logFile: string): string {
  const written = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-30);
  // Events without a failure do not explain the end.
  const lines = written.filter((line) => !line.includes('"level":"info"'));
  const words = whyOf(lines.join("\n"));
  return words === "" ? ` (log: ${logFile})` : `: ${words} (log: ${logFile})`;
}

/** Probes a server. It throws without an answer in time, and after an answer that reports a fault. */
export async function expectAnswer(url: string, withinMs = 5_000): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
  const text = await response.text();
  if (response.status >= 500) throw new Error(`${url} answered ${response.status} ${text.slice(0, 200)}`);
}
