import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { AccessTokens } from "../local/access-tokens.ts";
import { denoBinary } from "../local/functions.ts";
import { startGateway } from "../local/gateway.ts";
import { publishedKeys } from "../local/keys.ts";
import { closeServer } from "../local/local-server.ts";
import { findFreeBase } from "../local/ports.ts";
import { Problem } from "../local/problem.ts";
import { loopback, type Ports, portsFrom, repositoryRoot } from "../local/settings.ts";

export type Server = {
  base: string;
  pid: number | undefined;
  stop: () => Promise<void>;
};

/** The bare handler in a Deno process of its own, started as the stack starts the API. */
export const startBare = (databaseUrl: string, port: number, folder = "bare"): Promise<Server> =>
  startDeno([folder, "index.ts"], port, [new URL(databaseUrl).host], {
    DATABASE_URL: databaseUrl,
  });

/** A file of this folder in a Deno process with the permissions that it needs. */
export function startDeno(
  path: string[],
  port: number,
  reachable: string[],
  env: Record<string, string>,
): Promise<Server> {
  const child = spawn(
    denoBinary(),
    [
      "serve",
      "--quiet",
      "--no-prompt",
      "--allow-env",
      `--allow-net=${[...reachable, `${loopback}:${port}`].join(",")}`,
      `--host=${loopback}`,
      `--port=${port}`,
      join(repositoryRoot, "scripts", "bench", ...path),
    ],
    {
      cwd: repositoryRoot,
      env: {
        ...base_env(),
        DENO_DIR: join(repositoryRoot, ".local", "deno"),
        DENO_NO_UPDATE_CHECK: "1",
        ...env,
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  return untilItAnswers(child, port);
}

const base_env = () => ({ PATH: process.env.PATH, HOME: process.env.HOME });

/** A script on this Node in a process of its own; `ready` is the first line that it prints. */
export async function startNode(
  script: string,
  port: number,
  env: Record<string, string>,
): Promise<Server & { ready: string }> {
  const child = spawn(process.execPath, [script], {
    cwd: dirname(script),
    env: { ...base_env(), PORT: String(port), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ready = new Promise<string>((resolve) =>
    createInterface({ input: child.stdout }).once("line", resolve),
  );
  const server = await untilItAnswers(child, port);
  return { ...server, ready: await ready };
}

/** Any other program that listens on the port. */
export const startProgram = (program: string, args: string[], port: number): Promise<Server> =>
  untilItAnswers(spawn(program, args, { env: base_env(), stdio: ["ignore", "ignore", "pipe"] }), port);

async function untilItAnswers(child: ChildProcess, port: number): Promise<Server> {
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-1000);
  });
  const base = `http://${loopback}:${port}`;
  while (child.exitCode === null) {
    const response = await fetch(base).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined) return { base, pid: child.pid, stop: () => end(child) };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Problem(`A server to compare with could not start: ${said}`);
}

/** A second gateway that sends the API's paths to another port: the bare handler behind the same path. */
export async function startGatewayTo(port: number): Promise<Server> {
  const ports: Ports = portsFrom(await findFreeBase());
  ports.functions.api = port;
  const server = await startGateway({
    ports,
    parts: () => undefined,
    admin: { password_cost: 4, keys: publishedKeys },
    tokens: new AccessTokens(publishedKeys, "HS256"),
    report: () => {},
  });
  return { base: `http://${loopback}:${ports.gateway}`, pid: undefined, stop: () => closeServer(server) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // Deno answers SIGTERM by waiting for its connections to Postgres, which takes a minute.
  child.kill("SIGKILL");
  await gone;
}
