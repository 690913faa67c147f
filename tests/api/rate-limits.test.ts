import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { api, errorOf, login, registerDeveloper, registerEndUser } from "../support/api.ts";
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

test("a second session of a user counts on the same rate limit", async () => {
  const { project, user } = await limited({ requests_per_day: 2 });
  const list = async (headers: Record<string, string>) => (await api("/generation", { headers })).status;
  expect(await list(user.headers)).toBe(200);
  const second = await login(user.email, { "X-Project-ID": project.id });
  expect(await list({ ...project.headers, ...second.headers })).toBe(200);
  expect(await list(user.headers)).toBe(429);
});
