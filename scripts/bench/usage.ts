import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A server's CPU time since its start, and its memory. Undefined without /proc. */
export type Usage = {
  cpu_ms: number;
  memory_mb: number;
};

/** Every Linux that this runs on has this value. */
const msPerTick = 10;

/** The process of the function on this port. */
export const findFunction = (port: number) =>
  pids().find((pid) => argumentsOf(pid).includes(`--port=${port}`));

/** The postmaster of this port. */
export const findPostgres = (port: number) =>
  pids().find((pid) => argumentsOf(pid).includes(`port=${port}`) && read(pid, "comm").startsWith("postgres"));

/** The command of a process. Undefined without /proc. */
export function commandOf(pid: number | undefined) {
  if (pid === undefined) return undefined;
  const env: Record<string, string> = {};
  for (const [, name = "", value = ""] of read(pid, "environ").matchAll(/([^=\0]+)=([^\0]*)/g))
    env[name] = value;
  return { args: argumentsOf(pid), env };
}

/** The usage of a process and its children, including ended ones. Shared memory is counted once. */
export function usageOf(pid: number | undefined): Usage | undefined {
  if (pid === undefined) return undefined;
  const all = pids().map((one) => ({ pid: one, ...statOf(one) }));
  const family = all.filter((one) => one.pid === pid || one.parent === pid);
  const ended = family.find((one) => one.pid === pid)?.ended_children_ms;
  if (ended === undefined) return undefined;
  return {
    cpu_ms: family.reduce((sum, one) => sum + (one.cpu_ms ?? 0), ended),
    memory_mb: family.reduce((sum, one) => sum + proportionalMb(one.pid), 0),
  };
}

const pids = () =>
  existsSync("/proc")
    ? readdirSync("/proc")
        .map(Number)
        .filter((pid) => pid > 0)
    : [];

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

const argumentsOf = (pid: number) => read(pid, "cmdline").split("\0").slice(0, -1);

function statOf(pid: number) {
  // The name, in parentheses, may contain anything.
  const fields = read(pid, "stat").split(") ").at(-1)?.split(" ") ?? [];
  if (fields.length < 20) return undefined;
  const ticks = (at: number) => Number(fields[at]) * msPerTick;
  return {
    parent: Number(fields[1]),
    cpu_ms: ticks(11) + ticks(12),
    ended_children_ms: ticks(13) + ticks(14),
  };
}

const proportionalMb = (pid: number) =>
  Number(/^Pss:\s+(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0) / 1024;
