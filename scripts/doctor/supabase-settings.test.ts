import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { checkAuth, checkBuckets } from "./platform.ts";
import { checkMigrations } from "./service.ts";
import type { Target } from "./target.ts";

// Imitates a project with wrong settings, since the stack of the tests has correct ones.
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

type Project = {
  allowsSignUp?: boolean;
  allowsWeakPasswords?: boolean;
  expires_in?: number;
  /** Whether Auth uses Sb-Forwarded-For. */
  forwards?: boolean;
};

/** The burst of sign-ins that Auth allows to one address. */
const burst = 30;

/** A look-alike of Auth with these settings. @returns its remaining users. */
function auth({
  allowsSignUp = false,
  allowsWeakPasswords = false,
  expires_in = 1_800,
  forwards = true,
}: Project) {
  const users = new Map<string, string>();
  const seen = new Map<string, number>();
  server.use(
    http.get(`${url}/auth/v1/settings`, () =>
      HttpResponse.json({ disable_signup: !allowsSignUp, external: { email: true, anonymous_users: false } }),
    ),
    // Auth does not check the strength of a password at creation by an admin.
    http.post(`${url}/auth/v1/admin/users`, async ({ request }) => {
      const { id, password } = (await request.json()) as { id: string; password: string };
      if (users.has(id)) return HttpResponse.json({}, { status: 500 });
      users.set(id, password);
      return HttpResponse.json({ id });
    }),
    http.put(`${url}/auth/v1/admin/users/:id`, async ({ params, request }) => {
      const { password } = (await request.json()) as { password: string };
      if (!allowsWeakPasswords && !/[A-Z]/.test(password))
        return HttpResponse.json({ code: 422, error_code: "weak_password" }, { status: 422 });
      users.set(String(params.id), password);
      return HttpResponse.json({ id: params.id });
    }),
    http.post(`${url}/auth/v1/token`, async ({ request }) => {
      const from = (forwards && request.headers.get("sb-forwarded-for")) || "the doctor";
      seen.set(from, (seen.get(from) ?? 0) + 1);
      if ((seen.get(from) ?? 0) > burst)
        return HttpResponse.json({ code: 429, error_code: "over_request_rate_limit" }, { status: 429 });
      const { password } = (await request.json()) as { password?: string };
      const isRight = password !== undefined && [...users.values()].includes(password);
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
  ["has right settings", {}, ["sign-up: ok", "passwords: ok", "tokens: ok", "sign-ins: ok"]],
  [
    "allows sign-up",
    { allowsSignUp: true },
    ["sign-up: fail", "passwords: ok", "tokens: ok", "sign-ins: ok"],
  ],
  [
    "allows weak passwords",
    { allowsWeakPasswords: true },
    ["sign-up: ok", "passwords: fail", "tokens: ok", "sign-ins: ok"],
  ],
  [
    "counts all clients as one address",
    { forwards: false },
    ["sign-up: ok", "passwords: ok", "tokens: ok", "sign-ins: fail"],
  ],
  [
    "issues tokens for an hour",
    { expires_in: 3_600 },
    ["sign-up: ok", "passwords: ok", "tokens: fail", "sign-ins: ok"],
  ],
])("the doctor judges an Auth that %s, and leaves no user behind", async (_how, project, expected) => {
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
  [
    [
      { id: "uploads", public: false, file_size_limit: null },
      { id: "generations", public: false, file_size_limit: 26_214_400 },
    ],
    ["buckets: fail"],
  ],
])("the doctor judges the buckets %j as %j", async (buckets, expected) => {
  server.use(http.get(`${url}/storage/v1/bucket`, () => HttpResponse.json(buckets)));
  expect(verdicts(await checkBuckets(target()))).toEqual(expected);
});

test.each([
  [{ applied: 1_000, expected: 1_000, missing: [], unknown: [] }, ["migrations: ok"]],
  [{ applied: 999, expected: 1_000, missing: ["20260101000000"], unknown: [] }, ["migrations: fail"]],
  [{ applied: 1_001, expected: 1_000, missing: [], unknown: ["29990101000000"] }, ["migrations: warn"]],
  [{ applied: 1, expected: 1, missing: [], unknown: [] }, ["migrations: warn"]],
])("the doctor judges the migrations %j as %j", async (migrations, expected) => {
  expect(verdicts(await checkMigrations(target({ migrations })))).toEqual(expected);
});
