import { randomBytes } from "node:crypto";
import { afterAll, expect, inject, test, vi } from "vitest";
import { createDatabase } from "../../supabase/functions/api/clients/database.ts";
import { createRedisClient } from "../../supabase/functions/api/clients/redis.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { admin, owner } from "../support/sql.ts";

const env = parseEnv({
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_SERVICE_ROLE_KEY: "not used",
  DATABASE_URL: inject("stack").database_url,
});
const database = createDatabase(
  env,
  createRedisClient(env, () => {}),
);

afterAll(async () => {
  await Promise.all([database.close(), owner.end(), admin.end()]);
});

test("a query that the database does not answer in time is a 503, and the database stops working on it", async () => {
  const digest = randomBytes(32).toString("hex");
  await owner.begin(async (tx) => {
    // Whoever claims the same token waits for the end of this transaction.
    await tx`insert into public.used_tokens (digest) values (decode(${digest}, 'hex'))`;
    const [holder] = await tx`select pg_backend_pid() as pid`;
    const waiting = async () =>
      (await admin`select from pg_stat_activity where ${holder?.pid}::int = any (pg_blocking_pids(pid))`)
        .length;
    await database.call("server_version", []);
    const refused = expect(database.call("claim_token", [digest], 1_500)).rejects.toMatchObject({
      code: "database_unavailable",
      status: 503,
    });
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 1_400, interval: 20 });
    await refused;
    await vi.waitFor(async () => expect(await waiting()).toBe(0), { timeout: 5_000, interval: 20 });
    await tx`delete from public.used_tokens where digest = decode(${digest}, 'hex')`;
  });
  await expect(database.call("claim_token", [digest])).resolves.toBe(true);
  await database.call("release_token", [digest]);
});
