import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { api, type EndUser, password, registerEndUser } from "../support/api.ts";
import { BreakableProxy } from "../support/breakable-proxy.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { freshPrompt } from "../support/generation.ts";
import { registerLimited } from "../support/limits.ts";
import { findRedisServer, RedisServer } from "../support/redis.ts";
import { owner } from "../support/sql.ts";
import { until } from "../support/until.ts";

const target = inject("stack");
// The limit is one second; a busy machine gets six. A driver that waits for a dead service takes ten.
const withinMs = 6_000;
const poolSize = 4;

type Service = "database" | "platform" | "replicate" | "mail" | "redis";
const proxies: Partial<Record<Service, BreakableProxy>> = {};
let redis: RedisServer | undefined;
let instance: FunctionProcess;
let user: EndUser;
/** These users log in by turns, since Auth accepts ten logins a second for one account. */
let people: EndUser[];
let generation: string;

/** Another instance of the function. It reaches every service through a proxy that a test can cut. */
beforeAll(async () => {
  const base = await findFreeBase();
  const port = (url: string | undefined) => Number(new URL(url ?? "").port);
  proxies.database = await BreakableProxy.open(base, port(target.database_url));
  proxies.platform = await BreakableProxy.open(base + 1, port(target.urls.gateway));
  proxies.replicate = await BreakableProxy.open(base + 2, port(target.urls.replicate));
  proxies.mail = await BreakableProxy.open(base + 3, port(target.urls.gateway) + 4);
  const server = findRedisServer();
  if (server !== null) {
    redis = await RedisServer.start(server);
    proxies.redis = await BreakableProxy.open(base + 4, redis.port);
  }
  const database = new URL(target.database_url ?? "");
  database.port = String(base);
  instance = await startFunction(target, "suite", {
    SUPABASE_DB_URL: database.href,
    SUPABASE_URL: `http://127.0.0.1:${base + 1}`,
    PUBLIC_URL: target.urls.gateway,
    DB_POOL_SIZE: String(poolSize),
    REPLICATE_API_TOKEN: "r8_local_lookalike",
    REPLICATE_API_URL: `http://127.0.0.1:${base + 2}/v1`,
    SMTP_HOST: "127.0.0.1",
    SMTP_PORT: String(base + 3),
    ...(redis === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${base + 4}` }),
  });
  // This project has no rate limits, so that the load is never refused.
  const { project } = await registerLimited(owner, {});
  people = await Promise.all(Array.from({ length: 20 }, () => registerEndUser(project)));
  user = people[0] as EndUser;
  const created = await api("/generation/generate-v2", {
    headers: user.headers,
    json: { prompt: freshPrompt() },
  });
  generation = created.body.id;
});

afterAll(async () => {
  await instance?.end();
  await Promise.all([...Object.values(proxies).map((proxy) => proxy.cut()), redis?.kill()]);
});

const call = (path: string, init: Parameters<typeof api>[1] = {}) =>
  api(`${instance.base}/api/v1${path}`, init);
const me = () => call("/auth/me", { headers: user.headers });
const status = () => call(`/generation/${generation}/status`, { headers: user.headers });
let logins = 0;
const login = () =>
  call("/auth/login", {
    headers: { "X-Project-ID": user.headers["X-Project-ID"] ?? "" },
    json: { email: people[logins++ % people.length]?.email, password },
  });
const generate = () =>
  call("/generation/generate-v2", { headers: user.headers, json: { prompt: freshPrompt() } });

type Outage = {
  service: Service;
  parts: string[];
  overall: "unhealthy" | "degraded";
  /** Calls that succeed during the outage. */
  works: Record<string, () => ReturnType<typeof call>>;
  /** Calls that answer 503 during the outage. */
  fails: Record<string, () => ReturnType<typeof call>>;
};

const outages: Outage[] = [
  { service: "database", parts: ["database"], overall: "unhealthy", works: {}, fails: { me, status } },
  {
    service: "platform",
    parts: ["auth", "storage"],
    overall: "unhealthy",
    works: { me, status },
    fails: { login },
  },
  {
    service: "replicate",
    parts: ["image_provider"],
    overall: "degraded",
    works: { me, status, login, generate },
    fails: {},
  },
  { service: "mail", parts: ["mail"], overall: "degraded", works: { me, status, login }, fails: {} },
  ...(findRedisServer() === null
    ? []
    : [
        {
          service: "redis",
          parts: ["redis"],
          overall: "degraded",
          works: { me, status, login },
          fails: {},
        } satisfies Outage,
      ]),
];

/** The time of a request that calls no service. It measures how busy the machine is. */
async function timeLiveness(): Promise<number> {
  const start = performance.now();
  expect((await api(`${instance.base}/health`)).status).toBe(200);
  return performance.now() - start;
}

/** Polls the health report until it has this status. @returns the time it took. Each poll must end in time. */
async function timeUntilHealthIs(overall: string, parts: Record<string, string>): Promise<number> {
  const start = performance.now();
  let busyMs = 0;
  await until(`health is ${overall}`, async () => {
    const asked = performance.now();
    const [health, idleMs] = await Promise.all([call("/health"), timeLiveness()]);
    busyMs += idleMs;
    expect(performance.now() - asked - idleMs).toBeLessThan(withinMs);
    expect(health.status).toBe(health.body.status === "unhealthy" ? 503 : 200);
    const says = Object.entries(parts).every(([part, state]) => health.body[part].status === state);
    return says && health.body.status === overall;
  });
  return performance.now() - start - busyMs;
}

test.each(outages)(
  "when $service stops under load, health reports it in time and recovers, and calls that do not need it succeed",
  async ({ service, parts, overall, works, fails }) => {
    const states = (state: string) => Object.fromEntries(parts.map((part) => [part, state]));
    await timeUntilHealthIs("healthy", states("healthy"));
    const answers: { name: string; isOut: boolean; status: number; code: unknown }[] = [];
    let isLoaded = true;
    let isOut = false;
    const requests = { ...works, ...fails };
    const load = Object.entries(requests).map(async ([name, send]) => {
      while (isLoaded) {
        // A login that was sent before the cut may still succeed.
        const sent = { name, isOut };
        const { status, body } = await send();
        answers.push({ ...sent, status, code: body.code });
      }
    });
    let during: typeof answers = [];
    try {
      await until("the load runs", async () => answers.length > 10);

      await proxies[service]?.cut();
      expect(await timeUntilHealthIs(overall, states("unhealthy"))).toBeLessThan(withinMs);
      isOut = true;
      const sentSince = () => answers.filter((each) => each.isOut);
      const isAnswered = (name: string) => sentSince().some((each) => each.name === name);
      await until("the load goes on", async () => Object.keys(requests).every(isAnswered));
      during = sentSince();
      expect((await api(`${instance.base}/health`)).status).toBe(200);

      await proxies[service]?.mend();
      // The database's driver waits up to a second before it reconnects, and another second before it repeats a lost query.
      expect(await timeUntilHealthIs("healthy", states("healthy"))).toBeLessThan(5 * withinMs);
    } finally {
      isLoaded = false;
      await Promise.all(load);
      // A test that failed must not break the next ones.
      await proxies[service]?.mend();
    }

    for (const name of Object.keys(works))
      expect(new Set(answers.filter((each) => each.name === name).map(({ status }) => status))).toEqual(
        new Set([200]),
      );
    for (const { status, code } of during.filter(({ name }) => name in fails)) {
      expect(status).toBe(503);
      expect(code).toMatch(/_unavailable$/);
    }
    for (const send of [me, status]) expect((await send()).status).toBe(200);
  },
);

test("after all outages no connection has leaked", async () => {
  await Promise.all(Array.from({ length: 30 }, me));
  expect(proxies.database?.connections).toBeLessThanOrEqual(poolSize);
  await until("mail connections are closed", async () => (proxies.mail?.connections ?? 0) === 0);
  // HTTP connections stay open for the next request.
  expect(proxies.platform?.connections).toBeLessThan(30);
  expect(proxies.replicate?.connections).toBeLessThan(30);
  if (proxies.redis !== undefined) expect(proxies.redis.connections).toBe(1);
  const { body } = await call("/health/detailed", {
    headers: { "X-Operator-Key": target.credentials.operator_key ?? "" },
  });
  expect(body.service.pool).toMatchObject({ size: poolSize, waiting: 0 });
  expect(Object.keys(body.last_errors)).toEqual(
    expect.arrayContaining(outages.flatMap(({ parts }) => parts)),
  );
});
