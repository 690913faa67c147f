import { spawn } from "node:child_process";

type WatchedProcess = {
  pid: number;
  signal: NodeJS.Signals;
};

// Reads the list of processes, one line for each change. The end of its input means that the supervisor has ended for any reason.
const script = `
trap '' INT TERM HUP
list=''
while IFS= read -r line; do list=$line; done
for item in $list; do kill -s "\${item%%:*}" "\${item##*:}" 2>/dev/null; done
`;

/** Ends every child even when the supervisor is killed with SIGKILL. */
export function startWatchdog() {
  const shell = spawn("/bin/sh", ["-c", script], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    env: {},
  });
  shell.stdin.on("error", () => {});
  shell.unref();
  return {
    watch(processes: WatchedProcess[]): void {
      const items = processes.map(({ pid, signal }) => `${signal.replace("SIG", "")}:${pid}`);
      shell.stdin.write(`${items.join(" ")}\n`);
    },
    /** Call this when every child has ended. */
    async stop(): Promise<void> {
      if (shell.exitCode !== null) return;
      const gone = new Promise((resolve) => shell.once("exit", resolve));
      shell.ref();
      shell.stdin.end("\n");
      await gone;
    },
  };
}
