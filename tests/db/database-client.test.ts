import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, describe, expect, inject, test } from "vitest";
import { createDatabase, type LimitOfRequest } from "../../supabase/functions/api/clients/database.ts";
import {
  createRedisClient,
  type RedisClient,
  RedisUnavailable,
} from "../../supabase/functions/api/clients/redis.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { ownGeneration } from "../../supabase/functions/api/resources/generations/store.ts";
import { makeKeys } from "../support/keys.ts";
import { admin, owner } from "../support/sql.ts";
import { until } from "../support/until.ts";
import { endUserCredentials, hashOf, makeWorld } from "../support/world.ts";

const env = parseEnv({
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_SERVICE_ROLE_KEY: "not used",
  DATABASE_URL: inject("stack").database_url,
});
const database = createDatabase(
  env,
  createRedisClient(env, () => {}),
  () => {},
);

/** A usable Redis whose `count` is given. */
const withRedis = (count: RedisClient["count"]) =>
  createDatabase(env, { ...createRedisClient(env, () => {}), isUsable: () => true, count }, () => {});
const redisAllows = withRedis(async () => ({ taken: 1, used: 1, resets_in: 60 }));
const redisIsGone = withRedis(async () => {
  throw new RedisUnavailable(new Error("gone"));
});

afterAll(async () => {
  await Promise.all([database, redisAllows, redisIsGone].map((client) => client.close()));
});

test("a query beyond its deadline is refused with 503 and canceled in the database", async () => {
  const bucket = `secret-address:${randomUUID()}`;
  await owner.begin(async (tx) => {
    // A call for the same bucket waits for the end of this transaction.
    await tx`insert into private.auth_attempts (bucket, level, drained_at) values (${bucket}, 1, now())`;
    const [holder] = await tx`select pg_backend_pid() as pid`;
    const waiting = async () =>
      (await admin`select from pg_stat_activity where ${holder?.pid}::int = any (pg_blocking_pids(pid))`)
        .length;
    await database.read("server_version", []);
    const refused = expect(database.write("fill_bucket", [bucket, 10, 1], 4_000)).rejects.toMatchObject({
      code: "database_unavailable",
      status: 503,
    });
    await until("the query waits", waiting, (count) => count === 1);
    await refused;
    await until("no query waits", waiting, (count) => count === 0);
    await tx`delete from private.auth_attempts where bucket = ${bucket}`;
  });
  await expect(database.write("fill_bucket", [bucket, 10, 1])).resolves.toBe(0);
  await owner`delete from private.auth_attempts where bucket = ${bucket}`;
});

test("after one refusal a revoked key is refused from memory, and a valid key of the same caller is not", async () => {
  const world = await makeWorld();
  const keys = await makeKeys(world);
  const sent = endUserCredentials(world.a);
  const hashed = (name: string) => hashOf(keys[name] ?? "").toString("hex");
  const revoked = { ...sent, api_key_hash: hashed("api revoked") };
  const [generation] = await admin`select id from public.generations
    where user_id = ${world.a.user.id} and project_id = ${world.a.project_id} limit 1`;
  let asked = 0;
  const read = (credentials: typeof sent) =>
    database.readHot(ownGeneration, [String(generation?.id)], credentials, async () => {
      asked++;
      return database.read<{ id: string }>("get_generation_status", [credentials, String(generation?.id)]);
    });
  for (let turn = 0; turn < 5; turn++)
    await expect(read(revoked)).rejects.toMatchObject({ code: "api_key_revoked", status: 403 });
  expect(asked).toBe(1);
  expect(await read({ ...sent, api_key_hash: hashed("api active") })).toMatchObject({ id: generation?.id });
  expect(await read(sent)).toMatchObject({ id: generation?.id });
});

test("a value out of range is refused with 422 in reads and writes", async () => {
  const refusal = {
    code: "validation_failed",
    status: 422,
    detail: "A value of the request is out of range.",
  };
  await expect(database.read("list_orphans", [1e12])).rejects.toMatchObject(refusal);
  await expect(database.write("check_mail_token", ["not hex", null])).rejects.toMatchObject(refusal);
});

test("several calls of one request count it once and do not change its credentials", async () => {
  const { a } = await makeWorld();
  const plan = `limited-${randomBytes(8).toString("hex")}`;
  await owner`insert into public.plans (id, reads_per_minute) values (${plan}, 10)`;
  await owner`update public.projects set plan_id = ${plan} where id = ${a.project_id}`;
  const bucket = `reads:${a.user.id}`;
  await owner`insert into private.rate_limits (bucket, used, resets_at) values (${bucket}, 1, now() + interval '1 hour')`;
  const credentials = Object.freeze(endUserCredentials(a));
  const limit: LimitOfRequest = {};
  const request = database.forRequest(limit);
  for (const _ of [1, 2]) await request.read("get_me", [credentials]);
  expect(limit.rate_limit).toMatchObject({ name: "reads", limit: 10, remaining: 8 });
  for (const _ of [1, 2]) await database.read("get_me", [credentials]);
  expect(await owner`select used from private.rate_limits where bucket = ${bucket}`).toEqual([{ used: 4 }]);
  await owner`update private.rate_limits set used = 10 where bucket = ${bucket}`;
  const refused: LimitOfRequest = {};
  const call = database.forRequest(refused).read("get_me", [credentials]);
  await expect(call).rejects.toMatchObject({ code: "rate_limited" });
  expect(refused.rate_limit).toMatchObject({ remaining: 0 });
});

describe("with Redis", () => {
  /** Runs `work` while another transaction locks the row. `waiting` returns how many backends wait for it. */
  async function whileLocked(lock: string, work: (waiting: () => Promise<number>) => Promise<void>) {
    await owner.begin(async (tx) => {
      await tx.unsafe(lock);
      const [holder] = await tx`select pg_backend_pid() as pid`;
      await work(
        async () =>
          (await admin`select from pg_stat_activity where ${holder?.pid}::int = any (pg_blocking_pids(pid))`)
            .length,
      );
    });
  }

  test("with Redis a write beyond its deadline is refused with 503, rolled back and canceled", async () => {
    const { a } = await makeWorld();
    const change = () =>
      redisAllows.write("update_me", [endUserCredentials(a), { full_name: "Late" }], 4_000);
    await whileLocked(`select from public.users where id = '${a.user.id}' for update`, async (waiting) => {
      const refused = expect(change()).rejects.toMatchObject({ code: "database_unavailable" });
      await until("the query waits", waiting, (count) => count === 1);
      await refused;
      await until("no query waits", waiting, (count) => count === 0);
    });
    const [row] = await owner`select full_name from public.users where id = ${a.user.id}`;
    expect(row?.full_name).not.toBe("Late");
    await expect(change()).resolves.toMatchObject({ full_name: "Late" });
  });

  test("counting in the database while Redis is unavailable obeys the deadline", async () => {
    const { a } = await makeWorld();
    const plan = `limited-${randomBytes(8).toString("hex")}`;
    await owner`insert into public.plans (id, reads_per_minute) values (${plan}, 10)`;
    await owner`update public.projects set plan_id = ${plan} where id = ${a.project_id}`;
    const bucket = `reads:${a.user.id}`;
    await owner`insert into private.rate_limits (bucket, used, resets_at) values (${bucket}, 1, now() + interval '1 hour')`;
    const read = () => redisIsGone.read("get_me", [endUserCredentials(a)], 1_500);
    await whileLocked(
      `select from private.rate_limits where bucket = '${bucket}' for update`,
      async (waiting) => {
        await expect(read()).rejects.toMatchObject({ code: "database_unavailable" });
        await until("no query waits", waiting, (count) => count === 0);
      },
    );
    await expect(read()).resolves.toMatchObject({ id: a.user.id });
    expect(await owner`select used from private.rate_limits where bucket = ${bucket}`).toEqual([{ used: 2 }]);
  });
});
