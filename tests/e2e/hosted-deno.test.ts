import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { ROOT } from "../../scripts/local/settings.ts";

// Hosted Supabase is compatible with this version. The launcher passes no signals on, so a group is ended as a whole.
const launcher = join(ROOT, "node_modules", "deno-hosted", "bin.cjs");
const { urls, keys, database_url } = inject("stack");

let base: string;
let end: () => Promise<void>;

beforeAll(async () => {
  const port = await findFreeBase();
  base = `http://127.0.0.1:${port}`;
  const child = spawn(
    process.execPath,
    [
      launcher,
      "serve",
      "--no-prompt",
      "--allow-env",
      "--allow-net",
      "--host=127.0.0.1",
      `--port=${port}`,
      join(ROOT, "supabase", "functions", "api", "index.ts"),
    ],
    {
      cwd: ROOT,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        DENO_DIR: join(ROOT, ".local", "deno-hosted"),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        SUPABASE_URL: urls.gateway,
        SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secret }),
        SUPABASE_DB_URL: database_url,
        SUPABASE_JWKS: '{"keys":[]}',
        JWT_SECRET: keys.jwt_secret,
      },
    },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      said += chunk;
    });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  end = async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Deno ended with ${child.exitCode}:\n${said}`);
    const response = await fetch(`${base}/health`).catch(() => undefined);
    await response?.body?.cancel();
    if (response !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

afterAll(() => end?.());

test("the function starts on the Deno of hosted Supabase and says that it lives", async () => {
  const response = await fetch(`${base}/health`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "healthy" });
});

test("it reaches database and storage there", async () => {
  const response = await fetch(`${base}/api/v1/health`);
  expect(await response.json()).toMatchObject({
    status: "healthy",
    database: { status: "healthy" },
    storage: { status: "healthy" },
  });
});

test("it refuses a forged token there", async () => {
  const response = await fetch(`${base}/api/v1/auth/me`, {
    headers: { Authorization: "Bearer not.a.token" },
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: "invalid_token" });
});
