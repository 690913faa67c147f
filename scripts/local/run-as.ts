import { execFileSync } from "node:child_process";
import { chownSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Problem } from "./problem.ts";

type Account = { uid: number; gid: number };

/** A command, and the account that runs it, if it is another one. */
export type Program = { command: string; args: string[]; account?: Account };

/**
 * The way to run a program of PostgreSQL, which refuses to run as root. For root, it runs as the account `postgres` of
 * the machine, or as `nobody`. That account must be able to read the program and its data.
 */
export function asPostgres(command: string, args: string[], data: string): Program {
  if (process.getuid?.() !== 0) return { command, args };
  const account = findAccount("postgres") ?? findAccount("nobody");
  if (account === undefined) {
    throw new Problem(
      "PostgreSQL cannot run as root, and this machine has no other account: start as an ordinary user.",
    );
  }
  const hidden = [dirname(command), data].find((path) => !canReach(path, account));
  if (hidden === undefined) return { command, args, account };
  // For a checkout below /root, the account keeps only the right to enter other accounts' folders.
  const options = [
    `--reuid=${account.uid}`,
    `--regid=${account.gid}`,
    "--clear-groups",
    "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
  ];
  try {
    execFileSync("setpriv", [...options, "true"], { stdio: "ignore" });
    return { command: "setpriv", args: [...options, command, ...args] };
  } catch {
    throw new Problem(
      `PostgreSQL cannot run as root, and the account it would use instead cannot reach ${hidden}: move the checkout out of that folder, or start as an ordinary user.`,
    );
  }
}

/** Gives a folder to the account that PostgreSQL runs as. */
export function giveTo(path: string): void {
  if (process.getuid?.() !== 0) return;
  const account = findAccount("postgres") ?? findAccount("nobody");
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

function findAccount(name: string): Account | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [login, , uid, gid] = line.split(":");
    if (login === name && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function canReach(path: string, account: Account): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    const stat = statSync(folder);
    const open =
      (stat.mode & 0o001) !== 0 ||
      (stat.uid === account.uid && (stat.mode & 0o100) !== 0) ||
      (stat.gid === account.gid && (stat.mode & 0o010) !== 0);
    if (!open) return false;
    if (folder === dirname(folder)) return true;
  }
}
