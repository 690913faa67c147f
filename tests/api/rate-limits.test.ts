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
  createPlan,
  endWindow,
  limitOf,
  registerLimited,
  statusesOf,
  usedOf,
} from "../support/limits.ts";
import { openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();
const { urls } = inject("stack");

async function limited(limits: Parameters<typeof registerLimited>[1]) {
  const developer = await registerLimited(sql, limits);
  return { developer, project: developer.project, user: await registerEndUser(developer.project) };
}

test("of a thousand requests at once against a limit of a hundred exactly a hundred get through", async () => {
  const { user } = await limited({ requests_per_day: 100 });
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, () => api("/generation", { headers: user.headers })),
  );
  expect(statusesOf(answers)).toEqual({ 200: 100, 429: 900 });
  const remaining = answers.flatMap(({ status, headers }) =>
    status === 200 ? limitOf(headers).remaining : [],
  );
  expect(remaining.sort((one, two) => Number(one) - Number(two))).toEqual(
    Array.from({ length: 100 }, (_, n) => n),
  );
});

test("of a thousand reads at once against a limit of a hundred exactly a hundred get through", async () => {
  const { user } = await limited({ reads_per_minute: 100 });
  const me = () => api("/auth/me", { headers: user.headers });
  await beginWindow(sql, `reads:${user.id}`);
  const answers = await Promise.all(Array.from({ length: 1_000 }, me));
  expect(statusesOf(answers)).toEqual({ 200: 100, 429: 900 });
  expect(await usedOf(sql, `reads:${user.id}`)).toBe(100);
});

test("every answer says how the limit stands, and a refusal says how long to wait", async () => {
  const { project, user } = await limited({ requests_per_day: 3 });
  const answers = [];
  for (let turn = 0; turn < 4; turn++) answers.push(await api("/generation", { headers: user.headers }));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers.map(({ headers }) => limitOf(headers).remaining)).toEqual([2, 1, 0, 0]);
  const midnight = Math.ceil(Date.now() / 86_400_000) * 86_400;
  for (const [turn, { headers }] of answers.entries()) {
    const { limit, reset } = limitOf(headers);
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

test("the next window begins with nothing used", async () => {
  const { project, user } = await limited({ requests_per_day: 1 });
  const list = () => api("/generation", { headers: user.headers });
  expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
  await endWindow(sql, project.id);
  const next = await list();
  expect([next.status, limitOf(next.headers).remaining]).toEqual([200, 0]);
  expect((await list()).status).toBe(429);
});

test("a project over its limit does not touch another one of the same developer", async () => {
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

test("a developer's management is counted by account, and no X-Project-ID moves it to somebody else", async () => {
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

test("an operator is not limited", async () => {
  const { project } = await limited({ requests_per_day: 1, reads_per_minute: 1 });
  for (let turn = 0; turn < 3; turn++) {
    const { status, headers } = await api(`/projects/${project.id}`, { headers: operatorHeaders });
    expect([status, limitOf(headers).limit]).toEqual([200, null]);
  }
});

test("a plan without limits is told nothing and leaves no counter", async () => {
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

describe("me and the status of generations", () => {
  test("are counted by account, apart from other requests", async () => {
    const { project, user } = await limited({ requests_per_day: 1, reads_per_minute: 3 });
    const colleague = await registerEndUser(project);
    expect((await api("/generation", { headers: user.headers })).status).toBe(200);
    expect((await api("/generation", { headers: user.headers })).status).toBe(429);
    const me = (headers: Record<string, string>) => api("/auth/me", { headers });
    const first = await me(user.headers);
    await endWindow(sql, user.id, 600);
    expect(first.headers.get("ratelimit-policy")).toBe('"reads";q=3;w=60');
    const statusOf = () => api(`/generation/${randomUUID()}/status`, { headers: user.headers });
    // What is not there costs nothing.
    expect((await statusOf()).status).toBe(404);
    expect((await me(user.headers)).status).toBe(200);
    expect((await me(user.headers)).status).toBe(200);
    expect(errorOf(await me(user.headers))).toMatchObject({ status: 429, code: "rate_limited" });
    expect((await statusOf()).status).toBe(429);
    expect((await me(colleague.headers)).status).toBe(200);
  });

  test("waiting for a generation is one request, however often the database is asked", async () => {
    const { project, user } = await limited({ reads_per_minute: 100 });
    const id = randomUUID();
    await sql`
      insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, next_check_at)
      values (${id}, ${project.id}, ${user.id}, 'Waits', 'test/none', 'reserved', date_trunc('month', now())::date, 'infinity')`;
    const { status, headers } = await api(`/generation/${id}/status?wait=1`, { headers: user.headers });
    expect([status, limitOf(headers).remaining]).toEqual([200, 99]);
    expect(await usedOf(sql, `reads:${user.id}`)).toBe(1);
  });
});

test("asking for a picture is one request, however many statements it takes", async () => {
  const { project, user } = await limited({ requests_per_day: 10 });
  const headers = { ...user.headers, "Idempotency-Key": randomUUID() };
  const { status, headers: told } = await api("/generation/generate-v2", {
    headers,
    json: { prompt: "One" },
  });
  expect([status, limitOf(told).remaining]).toEqual([200, 9]);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(1);
});

test("what is refused with another error is not counted, and a limit that is reached comes first", async () => {
  const { project, user } = await limited({ requests_per_day: 1 });
  const missing = () => api(`/generation/${randomUUID()}`, { method: "DELETE", headers: user.headers });
  expect((await missing()).status).toBe(404);
  expect(await usedOf(sql, `requests:${project.id}`)).toBe(0);
  expect((await api("/generation", { headers: user.headers })).status).toBe(200);
  expect((await missing()).status).toBe(429);
});

test("somebody without the right keys cannot use up a project's limit", async () => {
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

  test("are counted per project and address, failed ones too, and X-Forwarded-For does not help", async () => {
    const developer = await registerLimited(sql, { auth_calls_per_hour: 4 });
    const { project } = developer;
    const { email } = await registerEndUser(project);
    const again = await api("/auth/register", { headers: project.headers, json: { email, password } });
    expect([again.status, limitOf(again.headers).remaining]).toEqual([409, 2]);
    const wrong = await signIn(project, email, "Wrong-horse-9", "203.0.113.1");
    expect([wrong.status, limitOf(wrong.headers).remaining]).toEqual([401, 1]);
    const right = await signIn(project, email, password, "203.0.113.2, 203.0.113.3");
    expect([right.status, limitOf(right.headers).remaining]).toEqual([200, 0]);
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

  test("of a crowd at once only as many get through as the plan allows, whoever they say they are", async () => {
    const { project } = await registerLimited(sql, { auth_calls_per_hour: 5 });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        signIn(project, freshEmail("nobody"), "Wrong-horse-9", `198.51.100.${n}`),
      ),
    );
    expect(statusesOf(answers)).toEqual({ 401: 5, 429: 35 });
  });

  test("no address is in the table", async () => {
    const { project } = await registerLimited(sql, { auth_calls_per_hour: 50 });
    await signIn(project, freshEmail("nobody"), "Wrong-horse-9");
    const rows = await sql`select bucket from private.rate_limits where bucket like 'auth:%'`;
    expect(rows.length).toBeGreaterThan(0);
    for (const { bucket } of rows) expect(bucket).toMatch(/^auth:[0-9a-f]{64}$/);
  });
});

test("what is public is counted per address in the project that is named", async () => {
  const { project } = await registerLimited(sql, { reads_per_minute: 2 });
  const look = () => api(`/generation/public?project_id=${project.id}`);
  const first = await look();
  const bucket = (await sql`select private.address_bucket('reads', ${project.id}, '127.0.0.1') as bucket`)[0]
    ?.bucket;
  await endWindow(sql, bucket, 600);
  expect([first.status, limitOf(first.headers).remaining]).toEqual([200, 1]);
  expect((await look()).status).toBe(200);
  expect(errorOf(await look())).toMatchObject({ status: 429, code: "rate_limited" });
  expect((await api("/generation/public")).status).toBe(200);
});

describe("an operator", () => {
  test("gives a project another plan, which counts from the next request on", async () => {
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
    expect([next.status, limitOf(next.headers)]).toEqual([
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

  test("edits a plan, and everybody on it has the new limit at once", async () => {
    const { developer, user } = await limited({ requests_per_day: 1 });
    const list = () => api("/generation", { headers: user.headers });
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
    await sql`update public.plans set requests_per_day = 2 where id = ${developer.plan}`;
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
    await sql`update public.plans set requests_per_day = null where id = ${developer.plan}`;
    const free = await list();
    expect([free.status, limitOf(free.headers).limit]).toEqual([200, null]);
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

  test("waits as long as it is asked to, so that one refusal is the only one", async () => {
    const { sdk, statuses, project } = await client({ requests_per_day: 1 });
    await sdk.generations.list().all();
    await endWindow(sql, project.id, 2);
    await sdk.generations.list().all();
    expect(statuses).toEqual([200, 429, 200]);
  });

  test("tells a long wait instead of waiting for it", async () => {
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

describe("whoever is over a limit is refused by every operation that documents it", () => {
  // Slowed down by rules of their own alone: they take a token and no credentials.
  const byRulesOfTheirOwn = ["auth.refresh", "auth.verifyEmail", "auth.checkMailToken", "auth.resetPassword"];
  const limited = operations.filter(
    ({ id, responses }) => "429" in responses && !byRulesOfTheirOwn.includes(id),
  );
  let callers: Record<"app" | "developer" | "user", Record<string, string>>;

  beforeAll(async () => {
    const developer = await registerDeveloper();
    const { project } = developer;
    const user = await registerEndUser(project);
    callers = { app: project.headers, developer: developer.headers, user: user.headers };
    const plan = await createPlan(sql, { requests_per_day: 1, auth_calls_per_hour: 1, reads_per_minute: 1 });
    await sql`update public.users set plan_id = ${plan} where id = ${developer.id}`;
    const named = [project.id, developer.id].map((id) => `requests:${id}`);
    const reads = [user.id, developer.id].map((id) => `reads:${id}`);
    await sql`
      insert into private.rate_limits (bucket, used, resets_at)
      select bucket, 1, now() + interval '1 hour' from (
        select unnest(${[...named, ...reads]}::text[]) union all
        select private.address_bucket(purpose, ${project.id}, '127.0.0.1') from unnest(array['auth', 'reads']) purpose
      ) as full_ones (bucket)`;
  });

  test.each(limited.map((operation) => [operation.id, operation] as const))("%s", async (_id, operation) => {
    const { path, json } = exampleRequest(operation);
    const needsToken = operation.security.some((choice) => "accessToken" in choice);
    const who = /\/(projects|developer-keys|plans)/.test(path) ? "developer" : needsToken ? "user" : "app";
    const init = { method: operation.method, headers: callers[who] };
    const answer = await api(`${urls.base}${path}`, json === undefined ? init : { ...init, json });
    expect(errorOf(answer)).toMatchObject({ status: 429, code: "rate_limited" });
    expect(limitOf(answer.headers)).toMatchObject({ limit: 1, remaining: 0 });
  });
});

test("a person who signs in again goes on with the same counter", async () => {
  const { project, user } = await limited({ requests_per_day: 2 });
  const list = async (headers: Record<string, string>) => (await api("/generation", { headers })).status;
  expect(await list(user.headers)).toBe(200);
  const second = await login(user.email, { "X-Project-ID": project.id });
  expect(await list({ ...project.headers, ...second.headers })).toBe(200);
  expect(await list(user.headers)).toBe(429);
});
