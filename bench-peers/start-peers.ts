import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import type { Row } from "../scripts/bench/compare.ts";
import type { Facts } from "../scripts/bench/seed.ts";
import { type Server, startDeno, startServer } from "../scripts/bench/servers.ts";
import { adminUrlOf, keysOfPort } from "../scripts/local/keys.ts";
import { Problem } from "../scripts/local/problem.ts";
import { runCommand } from "../scripts/local/run-command.ts";
import { loopback, type Ports, repositoryRoot } from "../scripts/local/settings.ts";
import { buildPocketBase, startPocketBase } from "./pocketbase.ts";

const source = join(repositoryRoot, "bench-peers");
const folder = join(repositoryRoot, ".local", "bench-peers");

type Peers = { rows: Row[]; notes: string[]; stop: () => Promise<void> };

/** Starts the alternatives that a developer would build, on the same Postgres and machine. Notes say which ones are omitted. */
export async function startPeers(
  ports: Ports,
  facts: Facts,
  postgres_pid: number | undefined,
): Promise<Peers> {
  await install();
  const pocketBase = await buildPocketBase(folder);
  const database_url = await makeDatabase(ports);
  const servers: Server[] = [];
  const started = async <T extends Server>(starting: Promise<T>): Promise<T> => {
    const server = await starting;
    servers.push(server);
    return server;
  };
  const stop = async () => {
    for (const server of servers) await server.stop();
  };
  try {
    const rows: Row[] = [];
    // One after the other, because both create missing tables.
    for (const [at, setup] of (["recommended", "tutorial"] as const).entries()) {
      const port = ports.gateway + 16 + at;
      const env = { PORT: String(port), DATABASE_URL: database_url, SETUP: setup, NODE_ENV: "production" };
      const command = [process.execPath, join(folder, "better-auth.mjs")];
      const server = await started(startServer(command, port, env));
      rows.push(
        ...(await betterAuthRows(server.base, setup)).map((row) => ({ ...row, function_pid: server.pid })),
      );
    }
    const gateway = `${loopback}:${ports.gateway}`;
    const functions = await started(
      startDeno("bench-peers/supabase-js/index.ts", ports.gateway + 18, gateway, {
        SUPABASE_URL: `http://${gateway}`,
        SUPABASE_PUBLISHABLE_KEY: facts.publishable_key,
        SUPABASE_SECRET_KEY: keysOfPort(ports.gateway).secret,
      }),
    );
    rows.push(...supabaseRows(functions.base, facts).map((row) => ({ ...row, function_pid: functions.pid })));
    rows.push(...restRows(`http://${gateway}`, facts));
    const onPostgres = rows.map((row) => ({ ...row, postgres_pid }));
    if ("left_out" in pocketBase) return { rows: onPostgres, notes: [pocketBase.left_out], stop };
    const own = await started(startPocketBase(pocketBase.program, ports.gateway + 19));
    return { rows: [...onPostgres, ...own.rows], notes: [], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Installs exactly the packages of package.json, once. */
async function install(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(source, "better-auth.mjs"), join(folder, "better-auth.mjs"));
  const wanted = readFileSync(join(source, "package.json"), "utf8");
  const stamp = join(folder, "node_modules", ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  writeFileSync(join(folder, "package.json"), wanted);
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await runCommand("npm", ["install", "--prefix", folder, ...quiet]);
  if (code !== 0) throw new Problem(`The packages of the peers could not be installed: ${output.trim()}`);
  writeFileSync(stamp, wanted);
}

/** Creates an empty database for them on our server. */
async function makeDatabase(ports: Ports): Promise<string> {
  const url = new URL(adminUrlOf(ports));
  const admin = postgres(url.href, { max: 1, onnotice: () => {} });
  try {
    await admin.unsafe("drop database if exists bench_peers with (force)");
    await admin.unsafe("create database bench_peers");
  } finally {
    await admin.end();
  }
  url.pathname = "/bench_peers";
  return url.href;
}

async function betterAuthRows(base: string, setup: string): Promise<Row[]> {
  const { cookie, key, id } = (await (await fetch(`${base}/facts`)).json()) as Record<string, string>;
  const name = `better-auth (${setup})`;
  const headers = { cookie: String(cookie), "x-api-key": String(key) };
  return [
    {
      base,
      scenario: { name: `${name}: me`, requests: [{ path: "/me", headers: { cookie: headers.cookie } }] },
    },
    { base, scenario: { name: `${name}: status`, requests: [{ path: `/picture/${id}/status`, headers }] } },
  ];
}

const bearerOf = (headers: Record<string, string>) => ({ Authorization: headers.Authorization ?? "" });

function supabaseRows(base: string, { people, app_headers }: Facts): Row[] {
  const key = {
    "x-api-key": app_headers["X-API-Key"] ?? "",
    "x-project-id": app_headers["X-Project-ID"] ?? "",
  };
  const requestsOf = (endpoint: string, more: Record<string, string>) =>
    people.map(({ headers, generation_id }) => ({
      path: `/${endpoint}/${generation_id}`,
      headers: { ...bearerOf(headers), ...more },
    }));
  return [
    { base, scenario: { name: "supabase-js: status in three calls", requests: requestsOf("three", key) } },
    { base, scenario: { name: "supabase-js: the row alone", requests: requestsOf("one", {}) } },
  ];
}

function restRows(base: string, { people, publishable_key }: Facts): Row[] {
  const row = (name: string, pathOf: (person: Facts["people"][number]) => string): Row => ({
    base,
    scenario: {
      name: `/rest/v1: ${name}`,
      requests: people.map((person) => ({
        path: `/rest/v1/${pathOf(person)}`,
        headers: { ...bearerOf(person.headers), apikey: publishable_key },
      })),
    },
  });
  const columns = "id,status,instructions,outputs,is_public,created_at,completed_at";
  return [
    row("the row alone", ({ generation_id }) => `generations?id=eq.${generation_id}&select=${columns}`),
    row("me", ({ id }) => `users?id=eq.${id}&select=id,email,full_name,role,created_at,project_id`),
  ];
}
