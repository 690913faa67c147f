import { spawn } from "node:child_process";
import { join } from "node:path";
import { denoBinary } from "../local/functions.ts";
import { Problem } from "../local/problem.ts";
import { loopback, repositoryRoot } from "../local/settings.ts";

export type Server = {
  base: string;
  pid: number | undefined;
  stop: () => Promise<void>;
};

type Env = Record<string, string | undefined>;
/** A request that a server answers when it is ready. */
type First = { path: string; headers?: Record<string, string> };

/** Starts a TypeScript file in Deno with the permissions that it needs, as the stack starts the API. */
export const startDeno = (path: string, port: number, reachable: string, env: Env): Promise<Server> =>
  startServer(
    [
      denoBinary(),
      "serve",
      "--quiet",
      "--no-prompt",
      "--allow-env",
      `--allow-net=${reachable},${loopback}:${port}`,
      `--host=${loopback}`,
      `--port=${port}`,
      join(repositoryRoot, path),
    ],
    port,
    { DENO_DIR: join(repositoryRoot, ".local", "deno"), DENO_NO_UPDATE_CHECK: "1", ...env },
  );

/** Starts a program and waits until it answers on the port. If `first` is given, that request must succeed. */
export async function startServer(
  [program = "", ...args]: string[],
  port: number,
  env: Env = {},
  first?: First,
): Promise<Server> {
  const child = spawn(program, args, {
    cwd: repositoryRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-1000);
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = () => {
    // After SIGTERM, Deno would wait a minute for its connections to Postgres.
    child.kill("SIGKILL");
    return gone;
  };
  const base = `http://${loopback}:${port}`;
  while (child.exitCode === null) {
    const { path = "/", headers = {} } = first ?? {};
    const response = await fetch(`${base}${path}`, { headers }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok || (response !== undefined && first === undefined))
      return { base, pid: child.pid, stop };
    if (response !== undefined) {
      await stop();
      throw new Problem(`${program} answered ${path} with ${response.status}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Problem(`A compared server could not start: ${said}`);
}
