import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { createClient, memorySession, RateLimitError } from "../../packages/client/src/index.ts";
import {
  api,
  errorOf,
  freshEmail,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { operations } from "../support/contract/document.ts";
import { exampleRequest } from "../support/contract/request.ts";
import {
  beginWindow,
  countStatuses,
  createPlan,
  endWindow,
  limitHeadersOf,
  registerLimited,
  usedOf,
} from "../support/limits.ts";
import { openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();
const { urls } = inject("stack");

async function limited(limits: Parameters<typeof registerLimited>[1]) {
  const developer = await registerLimited(sql, limits);
  return { developer, project: developer.project, user: await registerEndUser(developer.project) };
}

test("of 1,000 parallel requests against a limit of 100 exactly 100 succeed", async () => {
  const { user } = await limited({ requests_per_day: 100 });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, () => api("/generation", { headers: user.headers })),
  );
  expect(countStatuses(answers)).toEqual({ 200: 100, 429: 900 });
  const remaining = answers.flatMap(({ status, headers }) =>
    status === 200 ? limitHeadersOf(headers).remaining : [],
  );
  expect(remaining.sort((one, two) => Number(one) - Number(two))).toEqual(
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("of 1,000 parallel reads against a limit of 100 exactly 100 succeed", async () => {
  const { user } = await limited({ reads_per_minute: 100 });
  const me = () => api("/auth/me", { headers: user.headers });
  await beginWindow(sql, `reads:${user.id}`);
  const answers = await Promise.all(Array.from({ length: 1_000 }, me));
  expect(countStatuses(answers)).toEqual({ 200: 100, 429: 900 });
  expect(await usedOf(sql, `reads:${user.id}`)).toBe(100);
});

test("every answer carries the state of the rate limit, and a refusal carries Retry-After", async () => {
  const { project, user } = await limited({ requests_per_day: 3 });
  const answers = [];
  for (let turn = 0; turn < 4; turn++) answers.push(await api("/generation", { headers: user.headers }));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers.map(({ headers }) => limitHeadersOf(headers).remaining)).toEqual([2, 1, 0, 0]);
  const midnight = Math.ceil(Date.now() / 86_400_000) * 86_400;
  for (const [turn, { headers }] of answers.entries()) {
    const { limit, reset } = limitHeadersOf(headers);
    expect(limit).toBe(3);
    expect(Math.abs(Number(reset) - midnight)).toBeLessThanOrEqual(2);
    expect(headers.get("ratelimit-policy")).toBe('"requests";q=3;w=86400');
    expect(headers.get("ratelimit")).toMatch(new RegExp(`^"requests";r=${[2, 1, 0, 0][turn]};t=\\d+$`));
    const exposed = headers.get("access-control-expose-headers")?.split(",");
    expect(exposed).toEqual(
      expect.arrayContaining([
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
        "RateLimit",
        "RateLimit-Policy",
        "Retry-After",
      ]),
    );
  }
  const refused = answers[3] as (typeof answers)[number];
  expect(errorOf(refused)).toMatchObject({ status: 429, code: "rate_limited" });
  expect(refused.headers.get("retry-after")).toBe(String(refused.body.retry_after));
  expect(refused.headers.get("ratelimit")).toContain(`t=${refused.body.retry_after}`);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(3);
});

test("the next window of a rate limit starts at zero", async () => {
  const { project, user } = await limited({ requests_per_day: 1 });
  const list = () => api("/generation", { headers: user.headers });
  expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
  await endWindow(sql, project.id);
  const next = await list();
  expect([next.status, limitHeadersOf(next.headers).remaining]).toEqual([200, 0]);
  expect((await list()).status).toBe(429);
});

test("a project over its limit does not affect another project of the same developer", async () => {
  const { developer, user } = await limited({ requests_per_day: 2 });
  const other = await api("/projects", { headers: developer.headers, json: { name: "Other" } });
  const key = await api(`/projects/${other.body.id}/api-keys`, { headers: developer.headers, json: {} });
  const neighbour = await registerEndUser({
    ...developer.project,
    id: other.body.id,
    headers: { ...developer.project.headers, "X-Project-ID": other.body.id, "X-API-Key": key.body.key },
  });
  const list = async (headers: Record<string, string>) => (await api("/generation", { headers })).status;
  expect([await list(user.headers), await list(user.headers), await list(user.headers)]).toEqual([
    200, 200, 429,
  ]);
  expect([await list(neighbour.headers), await list(neighbour.headers)]).toEqual([200, 200]);
});

test("a developer's management requests count for the developer's account, whatever X-Project-ID names", async () => {
  const { developer, project } = await limited({ requests_per_day: 2 });
  const victim = await limited({ requests_per_day: 5 });
  const headers = { ...developer.headers, "X-Project-ID": victim.project.id };
  const statuses = [];
  for (let turn = 0; turn < 3; turn++) statuses.push((await api("/projects", { headers })).status);
  expect(statuses).toEqual([200, 200, 429]);
  expect(await usedOf(sql, `requests:${developer.id}`)).toBe(2);
  expect(await usedOf(sql, `requests:${victim.project.id}`)).toBe(0);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
});

test("an operator has no rate limit", async () => {
  const { project } = await limited({ requests_per_day: 1, reads_per_minute: 1 });
  for (let turn = 0; turn < 3; turn++) {
    const { status, headers } = await api(`/projects/${project.id}`, { headers: operatorHeaders });
    expect([status, limitHeadersOf(headers).limit]).toEqual([200, null]);
  }
});

test("a plan without limits sends no rate limit headers and stores no counter", async () => {
  const { id, project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const answer = await api("/generation", { headers: user.headers });
  expect(answer.status).toBe(200);
  for (const name of ["x-ratelimit-limit", "ratelimit", "ratelimit-policy"])
    expect(answer.headers.has(name)).toBe(false);
  const rows = await sql`
    select from private.rate_limits where bucket like ${`%${project.id}`} or bucket like ${`%${id}`} or bucket like ${`%${user.id}`}`;
  expect(rows).toHaveLength(0);
});

describe("reads", () => {
  test("GET /auth/me and generation statuses share one limit per account, apart from other requests", async () => {
    const { project, user } = await limited({ requests_per_day: 1, reads_per_minute: 3 });
    const colleague = await registerEndUser(project);
    expect((await api("/generation", { headers: user.headers })).status).toBe(200);
    expect((await api("/generation", { headers: user.headers })).status).toBe(429);
    const me = (headers: Record<string, string>) => api("/auth/me", { headers });
    const first = await me(user.headers);
    await endWindow(sql, user.id, 600);
    expect(first.headers.get("ratelimit-policy")).toBe('"reads";q=3;w=60');
    const statusOf = () => api(`/generation/${randomUUID()}/status`, { headers: user.headers });
    // A 404 is not counted.
    expect((await statusOf()).status).toBe(404);
    expect((await me(user.headers)).status).toBe(200);
    expect((await me(user.headers)).status).toBe(200);
    expect(errorOf(await me(user.headers))).toMatchObject({ status: 429, code: "rate_limited" });
    expect((await statusOf()).status).toBe(429);
    expect((await me(colleague.headers)).status).toBe(200);
  });

  test("a generation status with ?wait counts as one read, however often it queries the database", async () => {
    const { project, user } = await limited({ reads_per_minute: 100 });
    const id = randomUUID();
    await sql`
      insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, next_check_at)
      values (${id}, ${project.id}, ${user.id}, 'Waits', 'test/none', 'reserved', date_trunc('month', now())::date, 'infinity')`;
    const { status, headers } = await api(`/generation/${id}/status?wait=1`, { headers: user.headers });
    expect([status, limitHeadersOf(headers).remaining]).toEqual([200, 99]);
    expect(await usedOf(sql, `reads:${user.id}`)).toBe(1);
  });
});

test("creating a generation counts as one request", async () => {
  const { project, user } = await limited({ requests_per_day: 10 });
  const headers = { ...user.headers, "Idempotency-Key": randomUUID() };
  const { status, headers: answered } = await api("/generation/generate-v2", {
    headers,
    json: { prompt: "One" },
  });
  expect([status, limitHeadersOf(answered).remaining]).toEqual([200, 9]);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(1);
});

test("a request that fails otherwise is not counted, and a reached limit comes before other errors", async () => {
  const { project, user } = await limited({ requests_per_day: 1 });
  const missing = () => api(`/generation/${randomUUID()}`, { method: "DELETE", headers: user.headers });
  expect((await missing()).status).toBe(404);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
  expect((await api("/generation", { headers: user.headers })).status).toBe(200);
  expect((await missing()).status).toBe(429);
});

test("requests without the API key of a project do not use up its limit", async () => {
  const { project, user } = await limited({ requests_per_day: 2 });
  const { "X-API-Key": _, ...headers } = user.headers;
  for (let turn = 0; turn < 3; turn++) expect((await api("/generation", { headers })).status).toBe(403);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
});

describe("logins and registrations", () => {
  const signIn = (project: { id: string }, email: string, secret: string, forwarded?: string) =>
    api("/auth/login", {
      headers: { "X-Project-ID": project.id, ...(forwarded && { "X-Forwarded-For": forwarded }) },
      json: { email, password: secret },
    });

  test("logins and registrations count per project and IP address, failed ones too, whatever X-Forwarded-For says", async () => {
    const developer = await registerLimited(sql, { auth_calls_per_hour: 4 });
    const { project } = developer;
    const { email } = await registerEndUser(project);
    const again = await api("/auth/register", { headers: project.headers, json: { email, password } });
    expect([again.status, limitHeadersOf(again.headers).remaining]).toEqual([409, 2]);
    const wrong = await signIn(project, email, "Wrong-horse-9", "203.0.113.1");
    expect([wrong.status, limitHeadersOf(wrong.headers).remaining]).toEqual([401, 1]);
    const right = await signIn(project, email, password, "203.0.113.2, 203.0.113.3");
    expect([right.status, limitHeadersOf(right.headers).remaining]).toEqual([200, 0]);
    expect(right.headers.get("ratelimit-policy")).toBe('"auth";q=4;w=3600');
    const over = await signIn(project, email, password, "203.0.113.4");
    expect(errorOf(over)).toMatchObject({ status: 429, code: "rate_limited" });
    expect(Number(over.headers.get("retry-after"))).toBeLessThanOrEqual(3_600);
    const late = await api("/auth/register", {
      headers: project.headers,
      json: { email: freshEmail(), password },
    });
    expect(late.status).toBe(429);
    const elsewhere = await registerLimited(sql, { auth_calls_per_hour: 4 });
    await registerEndUser(elsewhere.project);
  });

  test("of 40 parallel logins only as many pass as the plan allows, whatever X-Forwarded-For says", async () => {
    const { project } = await registerLimited(sql, { auth_calls_per_hour: 5 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        signIn(project, freshEmail("nobody"), "Wrong-horse-9", `198.51.100.${n}`),
      ),
    );
    expect(countStatuses(answers)).toEqual({ 401: 5, 429: 35 });
  });

  test("the table of rate limits stores no IP address", async () => {
    const { project } = await registerLimited(sql, { auth_calls_per_hour: 50 });
    await signIn(project, freshEmail("nobody"), "Wrong-horse-9");
    const rows = await sql`select bucket from private.rate_limits where bucket like 'auth:%'`;
    expect(rows.length).toBeGreaterThan(0);
    for (const { bucket } of rows) expect(bucket).toMatch(/^auth:[0-9a-f]{64}$/);
  });
});

test("reads of the public list count per IP address and project", async () => {
  const { project } = await registerLimited(sql, { reads_per_minute: 2 });
  const look = () => api(`/generation/public?project_id=${project.id}`);
  const first = await look();
  const bucket = (await sql`select private.address_bucket('reads', ${project.id}, '127.0.0.1') as bucket`)[0]
    ?.bucket;
  await endWindow(sql, bucket, 600);
  expect([first.status, limitHeadersOf(first.headers).remaining]).toEqual([200, 1]);
  expect((await look()).status).toBe(200);
  expect(errorOf(await look())).toMatchObject({ status: 429, code: "rate_limited" });
  expect((await api("/generation/public")).status).toBe(200);
});

describe("changes of plans", () => {
  test("a plan that an operator gives to a project limits its next request", async () => {
    const { project, user } = await limited({ requests_per_day: 1 });
    const list = () => api("/generation", { headers: user.headers });
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
    const plan_id = await createPlan(sql, { requests_per_day: 3 });
    const changed = await api(`/projects/${project.id}/plan`, {
      method: "PATCH",
      headers: operatorHeaders,
      json: { plan_id },
    });
    expect(changed.status).toBe(200);
    const next = await list();
    expect([next.status, limitHeadersOf(next.headers)]).toEqual([
      200,
      expect.objectContaining({ limit: 3, remaining: 1 }),
    ]);
    await api(`/projects/${project.id}/plan`, {
      method: "PATCH",
      headers: operatorHeaders,
      json: { plan_id: null },
    });
    expect((await list()).status).toBe(429);
  });

  test("an edited plan limits the next request of everybody on it", async () => {
    const { developer, user } = await limited({ requests_per_day: 1 });
    const list = () => api("/generation", { headers: user.headers });
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
    await sql`update public.plans set requests_per_day = 2 where id = ${developer.plan}`;
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
    await sql`update public.plans set requests_per_day = null where id = ${developer.plan}`;
    const free = await list();
    expect([free.status, limitHeadersOf(free.headers).limit]).toEqual([200, null]);
  });
});

describe("the SDK", () => {
  async function client(limits: Parameters<typeof registerLimited>[1]) {
    const { project, user } = await limited(limits);
    const statuses: number[] = [];
    const sdk = createClient({
      url: urls.base,
      developerKey: project.developer_key,
      projectId: project.id,
      apiKey: project.api_key,
      session: memorySession({
        access_token: user.token,
        refresh_token: user.refresh_token,
        expires_at: new Date(Date.now() + 1_800_000).toISOString(),
      }),
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        statuses.push(response.status);
        return response;
      },
    });
    return { sdk, statuses, project };
  }

  test("the SDK waits for Retry-After and then repeats a refused request once", async () => {
    const { sdk, statuses, project } = await client({ requests_per_day: 1 });
    await sdk.generations.list().all();
    await endWindow(sql, project.id, 2);
    await sdk.generations.list().all();
    expect(statuses).toEqual([200, 429, 200]);
  });

  test("the SDK throws a RateLimitError instead of waiting for two hours", async () => {
    const { sdk, statuses, project } = await client({ requests_per_day: 1 });
    await sdk.generations.list().all();
    await endWindow(sql, project.id, 7_200);
    const refused = await sdk.generations
      .list()
      .all()
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect((refused as RateLimitError).retryAfterMs).toBeGreaterThan(7_000_000);
    expect(statuses).toEqual([200, 429]);
  });
});

describe("operations that document 429", () => {
  // These take a token instead of credentials and have their own limits.
  const withOwnLimits = ["auth.refresh", "auth.verifyEmail", "auth.checkMailToken", "auth.resetPassword"];
  const limited = operations.filter(({ id, responses }) => "429" in responses && !withOwnLimits.includes(id));
  let callers: Record<"app" | "developer" | "user", Record<string, string>>;

  beforeAll(async () => {
    const developer = await registerDeveloper();
    const { project } = developer;
    const user = await registerEndUser(project);
    callers = { app: project.headers, developer: developer.headers, user: user.headers };
    const plan = await createPlan(sql, { requests_per_day: 1, auth_calls_per_hour: 1, reads_per_minute: 1 });
    await sql`update public.users set plan_id = ${plan} where id = ${developer.id}`;
    const requests = [project.id, developer.id].map((id) => `requests:${id}`);
    const reads = [user.id, developer.id].map((id) => `reads:${id}`);
    await sql`
      insert into private.rate_limits (bucket, used, resets_at)
      select bucket, 1, now() + interval '1 hour' from (
        select unnest(${[...requests, ...reads]}::text[]) union all
        select private.address_bucket(purpose, ${project.id}, '127.0.0.1') from unnest(array['auth', 'reads']) purpose
      ) as full_buckets (bucket)`;
  });

  test.each(limited.map((operation) => [operation.id, operation] as const))(
    "%s answers 429 to a caller over the limit",
    async (_id, operation) => {
      const { path, json } = exampleRequest(operation);
      const needsToken = operation.security.some((choice) => "accessToken" in choice);
      const who = /\/(projects|developer-keys|plans)/.test(path) ? "developer" : needsToken ? "user" : "app";
      const init = { method: operation.method, headers: callers[who] };
      const answer = await api(`${urls.base}${path}`, json === undefined ? init : { ...init, json });
      expect(errorOf(answer)).toMatchObject({ status: 429, code: "rate_limited" });
      expect(limitHeadersOf(answer.headers)).toMatchObject({ limit: 1, remaining: 0 });
    },
  );
});

test("a second session of a user counts on the same rate limit", async () => {
  const { project, user } = await limited({ requests_per_day: 2 });
  const list = async (headers: Record<string, string>) => (await api("/generation", { headers })).status;
  expect(await list(user.headers)).toBe(200);
  const second = await login(user.email, { "X-Project-ID": project.id });
  expect(await list({ ...project.headers, ...second.headers })).toBe(200);
  expect(await list(user.headers)).toBe(429);
});
