import { describe, expect, test } from "vitest";
import { api, errorOf, freshEmail, password, registerEndUser } from "../support/api.ts";
import { countStatuses, endWindow, limitHeadersOf, registerLimited } from "../support/limits.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();

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
