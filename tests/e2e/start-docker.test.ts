import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, expect, inject, test } from "vitest";
import { startDocker } from "../../scripts/local/docker.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";

// Tests `npm start -- --docker` without Docker. A stand-in for the CLI gives the addresses of the suite's stack.
const { urls, keys, database_url = "" } = inject("stack");
const folder = mkdtempSync(join(tmpdir(), "cloud-api-docker-"));
const originalPath = process.env.PATH;
afterAll(() => {
  process.env.PATH = originalPath;
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a stand-in for `supabase` that records its arguments, then runs the case of its first argument. */
function standInCli(name: string, body: string): { bin: string; calls: () => string[] } {
  const bin = join(folder, name);
  mkdirSync(bin);
  const calls = join(bin, "calls");
  writeFileSync(join(bin, "supabase"), `#!/bin/sh\necho "$*" >> '${calls}'\ncase "$1" in\n${body}\nesac\n`, {
    mode: 0o755,
  });
  return { bin, calls: () => (existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : []) };
}

const status = JSON.stringify({
  API_URL: urls.gateway,
  DB_URL: database_url,
  STUDIO_URL: "http://127.0.0.1:54323",
  MAILPIT_URL: "http://127.0.0.1:54324",
  PUBLISHABLE_KEY: keys.publishable,
  SECRET_KEY: keys.secret,
  JWT_SECRET: keys.jwt_secret,
});
const working = `start) echo 'Started supabase local development setup.';;
status) echo 'Stopped services: [supabase_analytics]'; echo '${status}';;
functions) exec sleep 600;;`;

test("--docker starts Supabase and the functions, makes settings and accounts once, and keeps existing settings", {
  timeout: 120_000,
}, async () => {
  const { bin, calls } = standInCli("working", working);
  process.env.PATH = `${bin}:${originalPath}`;
  const env_file = join(folder, "functions.env");
  writeFileSync(env_file, "REPLICATE_API_TOKEN=r8_of_mine\nPUBLIC_URL=https://tunnel.example.com");
  const lines: string[] = [];
  const first = await startDocker({ env_file, report: (line) => lines.push(line) });
  await first.stop();
  const base = `${urls.gateway}/functions/v1`;
  expect(calls()).toEqual(["start", "status -o json", `functions serve --env-file ${env_file}`]);
  expect(first.facts.urls).toMatchObject({
    gateway: base,
    api: `${base}/api/v1`,
    inbox: "http://127.0.0.1:54324",
  });
  expect(first.notes.join("\n")).toContain(`there is no /api/v1 at ${urls.gateway}`);
  // The embedded database has no vault. Databases of Docker and of hosted projects have one.
  expect(first.notes.join("\n")).toContain("no vault");

  const written = readFileSync(env_file, "utf8");
  expect(written.startsWith("REPLICATE_API_TOKEN=r8_of_mine\nPUBLIC_URL=https://tunnel.example.com\n")).toBe(
    true,
  );
  expect(written).toMatch(/^CRON_SECRET=[\w-]{32}$/m);
  expect(written).toContain(`JWT_SECRET=${keys.jwt_secret}`);

  const { developer_key, project_id, api_key } = first.facts.credentials;
  const headers = { "X-Developer-Key": developer_key, "X-Project-ID": project_id, "X-API-Key": api_key };
  const user = await fetch(`${base}/api/v1/auth/register`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ email: `${crypto.randomUUID()}@example.com`, password: "Correct-horse-9" }),
  });
  expect(user.status).toBe(201);

  const second = await startDocker({ env_file, report: () => {} });
  await second.stop();
  expect(second.facts.credentials).toEqual(first.facts.credentials);
  expect(readFileSync(env_file, "utf8")).toBe(written);
});

test.each([
  [
    "Docker is not running",
    "start) echo 'failed to inspect service: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2; exit 1;;",
    /^`supabase start` failed: failed to inspect service: Cannot connect to the Docker daemon.*running\. It needs Docker/,
  ],
  [
    "`supabase status` gives no addresses",
    "start) ;;\nstatus) echo 'no such thing';;",
    /did not say where the API and the database are/,
  ],
  [
    "the functions end before they answer",
    `start) ;;\nstatus) echo '${status.replace(urls.gateway, "http://127.0.0.1:9")}';;\nfunctions) exit 3;;`,
    /ended before the functions answered/,
  ],
])("--docker fails with one sentence when %s", async (name, body, sentence) => {
  const { bin } = standInCli(name.replaceAll(/\W/g, "-"), body);
  process.env.PATH = `${bin}:${originalPath}`;
  await expect(startDocker({ env_file: join(folder, "none.env"), report: () => {} })).rejects.toThrow(
    sentence,
  );
});

test("npm start -- --docker prints the banner with its address, and Ctrl-C ends the functions", {
  timeout: 120_000,
}, async () => {
  const { bin, calls } = standInCli("command", working);
  const child: ChildProcess = spawn(
    process.execPath,
    [join(repositoryRoot, "scripts", "start.ts"), "--docker", "--settings", join(folder, "command.env")],
    {
      env: { ...process.env, PATH: `${bin}:${originalPath}`, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let out = "";
  const ready = new Promise<void>((resolve) =>
    child.stdout?.on("data", (chunk) => {
      out += chunk;
      if (out.includes("Ctrl-C ends the functions.")) resolve();
    }),
  );
  const errors = text(child.stderr as NodeJS.ReadableStream);
  const closed = new Promise<number | null>((resolve) => child.once("close", resolve));
  await Promise.race([ready, closed]);
  child.kill("SIGINT");
  expect(await closed, await errors).toBe(0);
  expect(calls().at(-1)).toContain("functions serve");
  expect(out).toContain(`NEXT_PUBLIC_API_URL=${urls.gateway}/functions/v1`);
  expect(out).not.toContain("API reference");
});
