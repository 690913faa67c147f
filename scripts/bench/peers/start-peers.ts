import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { adminUrlOf, keysOfPort } from "../../local/keys.ts";
import { Problem } from "../../local/problem.ts";
import { runCommand } from "../../local/run-command.ts";
import { loopback, type Ports, repositoryRoot } from "../../local/settings.ts";
import type { Row } from "../compare.ts";
import type { Facts } from "../seed.ts";
import { type Server, startDeno, startNode } from "../servers.ts";
import { buildPocketBase, startPocketBase } from "./pocketbase.ts";

const source = join(repositoryRoot, "scripts", "bench", "peers");
const folder = join(repositoryRoot, ".local", "bench-peers");

/**
 * The alternatives that a user would build, on the same Postgres and machine, with their requests. Notes say what is left out.
 */
export async function startPeers(
  ports: Ports,
  facts: Facts,
  postgresPid: number | undefined,
): Promise<{ rows: Row[]; notes: string[]; stop: () => Promise<void> }> {
  await install();
  const pocketbase = await buildPocketBase(folder);
  const database_url = await makeDatabase(ports);
  const servers: Server[] = [];
  const stop = async () => {
    for (const server of servers) await server.stop();
  };
  try {
    const rows: Row[] = [];
    // One after the other, because both create missing tables.
    for (const [index, setup] of (["recommended", "tutorial"] as const).entries()) {
      const server = await startNode(join(folder, "better-auth.mjs"), ports.gateway + 16 + index, {
        DATABASE_URL: database_url,
        SETUP: setup,
        NODE_ENV: "production",
      });
      servers.push(server);
      rows.push(...betterAuthRows(server, server.ready, setup, postgresPid));
    }
    const gateway = `${loopback}:${ports.gateway}`;
    const functions = await startDeno(["peers", "supabase-js", "index.ts"], ports.gateway + 18, [gateway], {
      SUPABASE_URL: `http://${gateway}`,
      SUPABASE_PUBLISHABLE_KEY: facts.publishable_key,
      SUPABASE_SECRET_KEY: keysOfPort(ports.gateway).secret,
    });
    servers.push(functions);
    rows.push(...supabaseRows(functions, `http://${gateway}`, facts, postgresPid));
    if ("left_out" in pocketbase) return { rows, notes: [pocketbase.left_out], stop };
    const server = await startPocketBase(pocketbase.program, ports.gateway + 19);
    servers.push(server);
    return { rows: [...rows, ...server.rows], notes: [], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Exactly what package.json names, once. */
async function install(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(source, "better-auth.mjs"), join(folder, "better-auth.mjs"));
  const wanted = readFileSync(join(source, "package.json"), "utf8");
  const stamp = join(folder, "node_modules", ".installed");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  writeFileSync(join(folder, "package.json"), wanted);
  const { code, output } = await runCommand("npm", [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ]);
  if (code !== 0) throw new Problem(`The packages of the peers could not be installed: ${output.trim()}`);
  writeFileSync(stamp, wanted);
}

/** An empty database of their own beside ours. */
async function makeDatabase(ports: Ports): Promise<string> {
  const admin = postgres(adminUrlOf(ports), { max: 1, onnotice: () => {} });
  try {
    await admin.unsafe("drop database if exists bench_peers with (force)");
    await admin.unsafe("create database bench_peers");
  } finally {
    await admin.end();
  }
  const url = new URL(adminUrlOf(ports));
  url.pathname = "/bench_peers";
  return url.href;
}

function betterAuthRows(
  { base, pid }: Server,
  ready: string,
  setup: string,
  postgresPid: number | undefined,
): Row[] {
  const { cookie, key, id } = JSON.parse(ready) as Record<"cookie" | "key" | "id", string>;
  const row = (name: string, path: string, headers: Record<string, string>): Row => ({
    scenario: { name: `better-auth (${setup}): ${name}`, requests: [{ path, headers }] },
    base,
    function_pid: pid,
    postgres_pid: postgresPid,
  });
  return [row("me", "/me", { cookie }), row("status", `/picture/${id}/status`, { cookie, "x-api-key": key })];
}

function supabaseRows(
  functions: Server,
  gateway: string,
  { people, app_headers, publishable_key }: Facts,
  postgresPid: number | undefined,
): Row[] {
  const key = {
    "x-api-key": app_headers["X-API-Key"] ?? "",
    "x-project-id": app_headers["X-Project-ID"] ?? "",
  };
  const own = { function_pid: functions.pid, postgres_pid: postgresPid };
  const bearer = (headers: Record<string, string>) => ({ Authorization: headers.Authorization ?? "" });
  return [
    {
      scenario: {
        name: "supabase-js: status in three calls",
        requests: people.map(({ headers, generation_id }) => ({
          path: `/three/${generation_id}`,
          headers: { ...bearer(headers), ...key },
        })),
      },
      base: functions.base,
      ...own,
    },
    {
      scenario: {
        name: "supabase-js: the row alone",
        requests: people.map(({ headers, generation_id }) => ({
          path: `/one/${generation_id}`,
          headers: bearer(headers),
        })),
      },
      base: functions.base,
      ...own,
    },
    {
      scenario: {
        name: "/rest/v1: the row alone",
        requests: people.map(({ headers, generation_id }) => ({
          path: `/rest/v1/generations?id=eq.${generation_id}&select=id,status,instructions,outputs,is_public,created_at,completed_at`,
          headers: { ...bearer(headers), apikey: publishable_key },
        })),
      },
      base: gateway,
      postgres_pid: postgresPid,
    },
    {
      scenario: {
        name: "/rest/v1: me",
        requests: people.map(({ id, headers }) => ({
          path: `/rest/v1/users?id=eq.${id}&select=id,email,full_name,role,created_at,project_id`,
          headers: { ...bearer(headers), apikey: publishable_key },
        })),
      },
      base: gateway,
      postgres_pid: postgresPid,
    },
  ];
}
