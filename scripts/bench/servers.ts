import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { denoBinary } from "../local/functions.ts";
import { closeServer, startGateway } from "../local/gateway.ts";
import { findFreeBase } from "../local/ports.ts";
import { Problem } from "../local/problem.ts";
import { HOST, type Ports, portsFrom, ROOT } from "../local/settings.ts";

export interface Server {
  base: string;
  stop: () => Promise<void>;
}

/** The bare handler in a Deno process of its own, started as the stack starts the API. */
export async function startBare(database_url: string, port: number): Promise<Server> {
  const child = spawn(
    denoBinary(),
    [
      "serve",
      "--quiet",
      "--no-prompt",
      "--allow-env",
      `--allow-net=${new URL(database_url).host},${HOST}:${port}`,
      `--host=${HOST}`,
      `--port=${port}`,
      join(ROOT, "scripts", "bench", "bare", "index.ts"),
    ],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        DATABASE_URL: database_url,
        DB_POOL_SIZE: "10",
        DENO_DIR: join(ROOT, ".local", "deno"),
        DENO_NO_UPDATE_CHECK: "1",
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr?.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-1000);
  });
  const base = `http://${HOST}:${port}`;
  await answers(base, child, () => said);
  return { base, stop: () => end(child) };
}

/** A second gateway that sends the API's paths to another port: the bare handler behind the same path. */
export async function startGatewayTo(port: number): Promise<Server> {
  const ports: Ports = portsFrom(await findFreeBase());
  ports.functions.api = port;
  const server = await startGateway({
    ports,
    lite: () => undefined,
    sql: () => undefined,
    admin: { minimum_password_length: 8, password_cost: 4 },
    report: () => {},
  });
  return { base: `http://${HOST}:${ports.gateway}`, stop: () => closeServer(server) };
}

async function answers(base: string, child: ChildProcess, said: () => string): Promise<void> {
  while (child.exitCode === null) {
    const response = await fetch(base).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Problem(`The bare handler could not start: ${said()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  await gone;
}
