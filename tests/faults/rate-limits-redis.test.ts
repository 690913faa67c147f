import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { createRedisClient } from "../../supabase/functions/api/clients/redis.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { api, errorOf, freshEmail, registerEndUser } from "../support/api.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { countStatuses, limitHeadersOf, registerLimited, usedOf, waitForWindow } from "../support/limits.ts";
import { openDatabase } from "../support/management.ts";
import { findRedisServer, RedisServer } from "../support/redis.ts";
import { until } from "../support/until.ts";

const timeoutMs = 300;
const command = findRedisServer();
if (command === null) {
  console.warn(
    "Not run: counting in Redis. There is no redis-server (Debian: apt-get install redis-server).",
  );
}

describe.runIf(command !== null)("with REDIS_URL", () => {
  const sql = openDatabase();
  let server: RedisServer;
  let redis: Redis;
  let fn: FunctionProcess;

  beforeAll(async () => {
    server = await RedisServer.start(command ?? "");
    redis = server.client();
    fn = await startFunction(inject("stack"), "suite", {
      REDIS_URL: server.url,
      TRUSTED_PROXY_HOPS: "0",
      DB_POOL_SIZE: "10",
      // On a busy machine a slow Redis must not count as unreachable.
      REDIS_TIMEOUT_MS: String(timeoutMs),
    });
  });
  afterAll(async () => {
    redis?.disconnect();
    await fn?.end();
    await server?.kill();
  });

  const call = (path: string, init: Parameters<typeof api>[1]) => api(`${fn.base}/api/v1${path}`, init);
  const usedInRedis = async (bucket: string) => Number(await redis.get(`cloud-api:${bucket}`));
  /** Registers a project with these limits, and a user of it. */
  async function limited(limits: Parameters<typeof registerLimited>[1]) {
    const { project } = await registerLimited(sql, limits);
    const user = await registerEndUser(project);
    return { project, list: () => call("/generation", { headers: user.headers }), user };
  }
  const lines = (text: string) => fn.lines.filter((line) => line.includes(text));

  /** Waits until the function counts in Redis. */
  async function untilRedisIsUsed() {
    const { project, list } = await limited({ requests_per_day: 1_000 });
    await until(
      "requests are counted in Redis",
      async () => (await list()).status === 200 && (await usedInRedis(`requests:${project.id}`)) > 0,
    );
  }
  beforeAll(untilRedisIsUsed);

  test("with Redis exactly 100 of 1,000 simultaneous requests pass a limit of 100", async () => {
    const { project, list } = await limited({ requests_per_day: 100 });
    const answers = await Promise.all(Array.from({ length: 1_000 }, list));
    expect(countStatuses(answers)).toEqual({ 200: 100, 429: 900 });
    expect(await usedInRedis(`requests:${project.id}`)).toBe(100);
    expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
  });

  test("with Redis exactly 100 of 300 simultaneous reads pass a limit of 100", async () => {
    const { user } = await limited({ reads_per_minute: 100 });
    await waitForWindow({ reads_per_minute: 100 });
    const me = () => call("/auth/me", { headers: user.headers });
    const answers = await Promise.all(Array.from({ length: 300 }, me));
    expect(countStatuses(answers)).toEqual({ 200: 100, 429: 200 });
    expect(await usedInRedis(`reads:${user.id}`)).toBe(100);
    expect(await usedOf(sql, `reads:${user.id}`)).toBe(0);
  });

  test("with Redis the rate limit headers are those of PostgreSQL, and the counter expires with its window", async () => {
    const { project, list } = await limited({ requests_per_day: 2 });
    const answers = [await list(), await list(), await list()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(answers.map(({ headers }) => limitHeadersOf(headers).remaining)).toEqual([1, 0, 0]);
    const refused = answers[2] as (typeof answers)[number];
    expect(errorOf(refused)).toMatchObject({ code: "rate_limited" });
    expect(refused.headers.get("ratelimit-policy")).toBe('"requests";q=2;w=86400');
    const seconds = Number(refused.headers.get("retry-after"));
    expect(Math.abs((await redis.ttl(`cloud-api:requests:${project.id}`)) - seconds)).toBeLessThanOrEqual(2);
    await redis.del(`cloud-api:requests:${project.id}`);
    expect((await list()).status).toBe(200);
  });

  test("with Redis a change beyond the limit is 429 and changes nothing", async () => {
    const { project, user } = await limited({ reads_per_minute: 1 });
    await call("/auth/me", { headers: user.headers });
    await redis.expire(`cloud-api:reads:${user.id}`, 600);
    const change = await call("/auth/me", {
      method: "PATCH",
      headers: user.headers,
      json: { full_name: "Changed" },
    });
    expect(errorOf(change)).toMatchObject({ status: 429, code: "rate_limited" });
    const [row] = await sql`select full_name from public.users where id = ${user.id}`;
    expect(row?.full_name).toBe(null);
    expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
  });

  test("with Redis failed logins count against the limit", async () => {
    const { project } = await limited({ auth_calls_per_hour: 3 });
    const signIn = () =>
      call("/auth/login", {
        headers: { "X-Project-ID": project.id },
        json: { email: freshEmail(), password: "Wrong-1" },
      });
    const answers = [];
    for (let turn = 0; turn < 4; turn++) answers.push((await signIn()).status);
    expect(answers).toEqual([401, 401, 401, 429]);
  });

  describe("when Redis fails", () => {
    afterEach(async () => {
      await server.kill();
      await server.run();
      await untilRedisIsUsed();
    }, 60_000);

    test("when Redis is killed under load, PostgreSQL enforces the same limit and no request fails", async () => {
      const { project, list } = await limited({ requests_per_day: 40 });
      const first = await Promise.all(Array.from({ length: 20 }, list));
      expect(countStatuses(first)).toEqual({ 200: 20 });
      const running = Promise.all(Array.from({ length: 200 }, list));
      await server.kill();
      const answers = await running;
      const counts = countStatuses(answers);
      expect(Object.keys(counts).filter((status) => !["200", "429"].includes(status))).toEqual([]);
      // The counts of Redis are lost. PostgreSQL allows one more window.
      expect(await usedOf(sql, `requests:${project.id}`)).toBeLessThanOrEqual(40);
      expect((await list()).status).toBe(429);
      expect(await usedOf(sql, `requests:${project.id}`)).toBe(40);
      expect(lines("redis does not answer").length).toBeGreaterThan(0);
    });

    test("when Redis hangs, one request waits for its timeout and the next ones do not", async () => {
      const { project, list } = await limited({ requests_per_day: 100 });
      server.signal("SIGSTOP");
      const first = await timed(list);
      // A busy machine may delay one of these requests, but not all.
      const next = [await timed(list), await timed(list), await timed(list)];
      expect(first).toBeGreaterThanOrEqual(timeoutMs);
      expect(Math.min(...next)).toBeLessThan(timeoutMs);
      expect(await usedOf(sql, `requests:${project.id}`)).toBe(4);
      server.signal("SIGCONT");
    });
  });

  test("the function counts in Redis on the Deno of hosted Supabase too", async () => {
    const hosted = await startFunction(inject("stack"), "hosted", { REDIS_URL: server.url });
    try {
      const { project, user } = await limited({ requests_per_day: 100 });
      const list = () => api(`${hosted.base}/api/v1/generation`, { headers: user.headers });
      await until(
        "requests are counted in Redis",
        async () => (await list()).status === 200 && (await usedInRedis(`requests:${project.id}`)) > 0,
      );
    } finally {
      await hosted.end();
    }
  });

  test("the default timeout of Redis is 50 ms", async () => {
    const env = parseEnv({
      SUPABASE_URL: "http://127.0.0.1:9",
      SUPABASE_SERVICE_ROLE_KEY: "not used",
      DATABASE_URL: "postgresql://not-used",
      REDIS_URL: server.url,
    });
    const client = createRedisClient(env, () => {});
    await client.ping(5_000);
    server.signal("SIGSTOP");
    const took = await timed(() =>
      expect(client.count("test", 1, 60, 1)).rejects.toThrow("redis_unavailable"),
    );
    server.signal("SIGCONT");
    client.close();
    expect(env.redis_timeout_ms).toBe(50);
    expect(took).toBeGreaterThanOrEqual(50);
    expect(took).toBeLessThan(5_000);
  });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
