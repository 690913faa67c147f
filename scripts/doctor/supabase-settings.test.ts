import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { checkAuth } from "./auth.ts";
import { checkBuckets } from "./buckets.ts";
import { checkMigrations } from "./migrations.ts";
import type { Target } from "./target.ts";

// What a project with wrong settings answers: the stack that runs here has the right ones.
const server = setupServer();
beforeAll(() => server.listen());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const url = "http://project.test";
const target = (service?: object): Target => ({
  kind: "hosted",
  base: url,
  supabase_url: url,
  publishable_key: "sb_publishable_x",
  secret_key: "sb_secret_x",
  operator_key: undefined,
  cron_secret: undefined,
  env_file: undefined,
  env: {},
  health: async () => ({ status: 200, body: { service }, reason: "" }),
});
const verdicts = (findings: { about: string; status: string }[]) =>
  findings.map(({ about, status }) => `${about}: ${status}`);

interface Project {
  signs_up?: boolean;
  takes_weak?: boolean;
  expires_in?: number;
}

/** Auth of such a project; answers which users are left. */
function auth({ signs_up = false, takes_weak = false, expires_in = 1_800 }: Project): Map<string, string> {
  const users = new Map<string, string>();
  server.use(
    http.get(`${url}/auth/v1/settings`, () =>
      HttpResponse.json({ disable_signup: !signs_up, external: { email: true, anonymous_users: false } }),
    ),
    http.post(`${url}/auth/v1/admin/users`, async ({ request }) => {
      const { id, password } = (await request.json()) as { id: string; password: string };
      if (!takes_weak && !/[A-Z]/.test(password)) return HttpResponse.json({}, { status: 422 });
      if (users.has(id)) return HttpResponse.json({}, { status: 409 });
      users.set(id, password);
      return HttpResponse.json({ id });
    }),
    http.post(`${url}/auth/v1/token`, async ({ request }) => {
      const { password } = (await request.json()) as { password: string };
      const isRight = [...users.values()].includes(password);
      return HttpResponse.json(isRight ? { expires_in } : {}, { status: isRight ? 200 : 400 });
    }),
    http.delete(`${url}/auth/v1/admin/users/:id`, ({ params }) => {
      users.delete(String(params.id));
      return HttpResponse.json({});
    }),
  );
  return users;
}

test.each<[string, Project, string[]]>([
  ["as it should be", {}, ["sign-up: ok", "passwords: ok", "tokens: ok"]],
  ["open to anybody", { signs_up: true }, ["sign-up: fail", "passwords: ok", "tokens: ok"]],
  ["content with weak passwords", { takes_weak: true }, ["sign-up: ok", "passwords: fail", "tokens: ok"]],
  ["generous with tokens", { expires_in: 3_600 }, ["sign-up: ok", "passwords: ok", "tokens: fail"]],
])("Auth that is %s, and nobody is left there", async (_how, project, expected) => {
  const users = auth(project);
  expect(verdicts(await checkAuth(target()))).toEqual(expected);
  expect(users.size).toBe(0);
});

test.each([
  [
    [
      { id: "uploads", public: false },
      { id: "generations", public: false },
    ],
    ["buckets: ok"],
  ],
  [
    [
      { id: "uploads", public: true },
      { id: "generations", public: false },
    ],
    ["buckets: fail"],
  ],
  [[{ id: "uploads", public: false }], ["buckets: fail"]],
])("the buckets %j", async (buckets, expected) => {
  server.use(http.get(`${url}/storage/v1/bucket`, () => HttpResponse.json(buckets)));
  expect(verdicts(await checkBuckets(target()))).toEqual(expected);
});

test.each([
  [{ applied: 1_000, expected: 1_000, missing: [], unknown: [] }, ["migrations: ok"]],
  [{ applied: 999, expected: 1_000, missing: ["20260101000000"], unknown: [] }, ["migrations: fail"]],
  [{ applied: 1_001, expected: 1_000, missing: [], unknown: ["29990101000000"] }, ["migrations: warn"]],
  [{ applied: 1, expected: 1, missing: [], unknown: [] }, ["migrations: warn"]],
])("the migrations %j", async (migrations, expected) => {
  expect(verdicts(await checkMigrations(target({ migrations })))).toEqual(expected);
});
