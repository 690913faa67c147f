import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { explainSystemError, Problem } from "./problem.ts";

/** Allows one stack at a time on a data folder. Returns a function that releases the lock. */
export function lockData(lockFile: string): () => void {
  for (let attempt = 0; ; attempt += 1) {
    try {
      mkdirSync(dirname(lockFile), { recursive: true });
      writeFileSync(lockFile, `${process.pid}\n${birthOf(process.pid)}\n`, { flag: "wx", mode: 0o600 });
      return () => rmSync(lockFile, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 3) {
        throw explainSystemError(error, lockFile);
      }
      const holder = holderOf(lockFile);
      if (holder !== undefined) {
        throw new Problem(
          `Another stack (process ${holder}) is running on ${dirname(lockFile)}: use it, stop it with \`kill ${holder}\`, or start a second one with \`npm start -- --port <other port>\`.`,
        );
      }
      rmSync(lockFile, { force: true });
    }
  }
}

function holderOf(lockFile: string): number | undefined {
  try {
    const [pid = "", birth = ""] = readFileSync(lockFile, "utf8").split("\n");
    const id = Number(pid);
    return isAlive(id) && birthOf(id) === birth ? id : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The start time of the process, on Linux: a reused process id has another one. */
function birthOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
