import { type ChildProcess, spawn } from "node:child_process";

export type LeashedProcess = {
  pid: number;
  signal: NodeJS.Signals;
};

// Reads the list of processes, one line for each change. The end of its input means that the supervisor has ended, for whatever
// reason.
const script = `
trap '' INT TERM HUP
list=''
while IFS= read -r line; do list=$line; done
for item in $list; do kill -s "\${item%%:*}" "\${item##*:}" 2>/dev/null; done
`;

/** Ends every child even when the supervisor is killed with SIGKILL. */
export class Leash {
  #shell: ChildProcess;

  constructor() {
    this.#shell = spawn("/bin/sh", ["-c", script], {
      stdio: ["pipe", "ignore", "ignore"],
      detached: true,
      env: {},
    });
    this.#shell.stdin?.on("error", () => {});
    this.#shell.unref();
  }

  hold(processes: LeashedProcess[]): void {
    const line = processes.map(({ pid, signal }) => `${signal.replace("SIG", "")}:${pid}`).join(" ");
    this.#shell.stdin?.write(`${line}\n`);
  }

  /** To be called when every child has ended. */
  async release(): Promise<void> {
    const gone = new Promise((resolve) => this.#shell.once("exit", resolve));
    if (this.#shell.exitCode !== null) return;
    this.#shell.ref();
    this.#shell.stdin?.end("\n");
    await gone;
  }
}
