import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import {
  type Developer,
  errorOf,
  freshEmail,
  password,
  registerDeveloper,
  registerEndUser,
  api as request,
} from "../support/api.ts";
import { AuthDouble, type AuthReply, bothForms, faultsOfAuth } from "../support/auth-double.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

// The real stack, except that a test can replace the answers of Auth. Auth is then misconfigured, busy or down.
const target = inject("stack");
const sql = openDatabase();
let auth: AuthDouble;
let served: FunctionProcess;
let developer: Developer;

beforeAll(async () => {
  auth = await AuthDouble.start(target.urls.gateway);
  served = await startFunction(target, "local", { SUPABASE_URL: auth.url });
  developer = await registerDeveloper();
});
afterEach(() => auth.restore());
afterAll(async () => {
  await served.end();
  await auth.stop();
});

const api: typeof request = (path, init) => request(`${served.base}/api/v1${path}`, init);
const token = /\/auth\/v1\/token/;
const newUser = () => registerEndUser(developer.project);
const signIn = (email: string, secret = password) =>
  api("/auth/login", { headers: developer.project.headers, json: { email, password: secret } });
const attempts = async (email: string) => {
  const subject = `${developer.project.id}:${email}`;
  const [row] = await sql`
    select coalesce(sum(level), 0)::float as level from private.auth_attempts
    where bucket in (private.bucket_name('sign-in-account', ${subject}),
      private.bucket_name('sign-in', ${subject} || ':127.0.0.1'))`;
  return row?.level as number;
};

test("a password reset by mail removes all second factors of the account", async () => {
  const { email, id } = await newUser();
  const headers = { "X-Project-ID": developer.project.id };
  await request("/auth/request-password-reset", { headers, json: { email } });
  const json = { token: tokenOf(await mailTo(email, "Set a new password")), password: "Another-horse-1" };
  const factors = [{ id: crypto.randomUUID() }, { id: crypto.randomUUID() }];
  auth.reply(/PUT \/auth\/v1\/admin\/users/, { status: 200, body: { id, factors } }, { late: true });
  auth.reply(/DELETE \/auth\/v1\/admin\/users\/.*\/factors/, { status: 200, body: {} });
  expect((await api("/auth/reset-password", { json })).status).toBe(200);
  const removed = auth.calls.map(({ target }) => target).filter((target) => target.startsWith("DELETE "));
  expect(removed).toEqual(factors.map((factor) => `DELETE /auth/v1/admin/users/${id}/factors/${factor.id}`));
  auth.restore();
  expect((await signIn(email, json.password)).status).toBe(200);
});

describe("faults of Auth", () => {
  test.each(faultsOfAuth)(
    "a login that meets %s at Auth is not refused as a wrong password, and costs no attempt",
    async (_name, reply, status, code) => {
      const { email } = await newUser();
      const before = await attempts(email);
      auth.reply(token, reply);
      const answer = await signIn(email);
      expect(errorOf(answer)).toMatchObject({ status, code });
      expect(JSON.stringify(answer.body)).not.toContain("own words");
      expect(await attempts(email)).toBeLessThanOrEqual(before);
      auth.restore();
      expect((await signIn(email)).status).toBe(200);
    },
  );

  test.each(faultsOfAuth)(
    "a refresh that meets %s at Auth keeps the session",
    async (_name, reply, status, code) => {
      const { refresh_token } = await newUser();
      auth.reply(token, reply);
      expect(errorOf(await api("/auth/refresh", { json: { refresh_token } }))).toMatchObject({
        status,
        code,
      });
      auth.restore();
      expect((await api("/auth/refresh", { json: { refresh_token } })).status).toBe(200);
    },
  );

  test.each(faultsOfAuth)(
    "a change of password that meets %s at Auth is not refused as wrong, and costs no attempt",
    async (_name, reply, status, code) => {
      const { email, headers } = await newUser();
      auth.reply(token, reply);
      const change = { json: { current_password: password, new_password: "Another-horse-1" }, headers };
      expect(errorOf(await api("/auth/change-password", change))).toMatchObject({ status, code });
      expect(await attempts(email)).toBeLessThanOrEqual(0.1);
      expect((await api("/auth/me", { headers })).status).toBe(200);
    },
  );

  // Auth may answer this call with an empty object when it succeeds.
  test.each(faultsOfAuth.filter(([name]) => name !== "an empty object"))(
    "a password reset that meets %s at Auth does not use up its token",
    async (_name, reply, status, code) => {
      const { email } = await newUser();
      const headers = { "X-Project-ID": developer.project.id };
      await request("/auth/request-password-reset", { headers, json: { email } });
      const json = {
        token: tokenOf(await mailTo(email, "Set a new password")),
        password: "Another-horse-1",
      };
      auth.reply(/PUT \/auth\/v1\/admin\/users/, reply);
      expect(errorOf(await api("/auth/reset-password", { json }))).toMatchObject({ status, code });
      auth.restore();
      expect((await api("/auth/reset-password", { json })).status).toBe(200);
    },
  );

  test.each(faultsOfAuth)(
    "a registration that meets %s at Auth creates nothing, and succeeds when it is repeated",
    async (_name, reply, status, code) => {
      auth.reply(/POST \/auth\/v1\/admin\/users/, reply);
      const registration = { headers: developer.project.headers, json: { email: freshEmail(), password } };
      expect(errorOf(await api("/auth/register", registration))).toMatchObject({ status, code });
      auth.restore();
      expect((await api("/auth/register", registration)).status).toBe(201);
    },
  );

  // Auth answers a successful deletion with an empty object.
  test.each(faultsOfAuth.filter(([name]) => name !== "an empty object"))(
    "an account deletion that meets %s at Auth deletes nothing, and succeeds when it is repeated",
    async (_name, reply, status, code) => {
      const user = await newUser();
      auth.reply(/DELETE \/auth\/v1\/admin\/users/, reply);
      const deletion = { method: "DELETE", headers: user.headers, json: { password } };
      expect(errorOf(await api("/auth/me", deletion))).toMatchObject({ status, code });
      auth.restore();
      expect((await api("/auth/me", deletion)).status).toBe(204);
    },
  );
});

describe.each([
  ["before 2024-01-01", 0],
  ["since 2024-01-01", 1],
] as const)("refusals in the API version %s", (version, at) => {
  const reply = (status: number, code: string) => bothForms(status, code)[at] as AuthReply;

  test.each([
    [400, "invalid_credentials", 401, "invalid_credentials"],
    [400, "user_banned", 401, "invalid_credentials"],
    [400, "email_not_confirmed", 400, "account_not_verified"],
  ])(
    `a login that Auth refuses with %i %s is %i %s (API version ${version})`,
    async (status, code, expected, told) => {
      const { email } = await newUser();
      auth.reply(token, reply(status, code));
      expect(errorOf(await signIn(email))).toMatchObject({ status: expected, code: told });
    },
  );

  test.each([
    [400, "validation_failed", "invalid_refresh_token"],
    [400, "refresh_token_not_found", "invalid_refresh_token"],
    [400, "session_not_found", "invalid_refresh_token"],
    [400, "session_expired", "invalid_refresh_token"],
    [400, "user_banned", "invalid_refresh_token"],
    [400, "refresh_token_already_used", "refresh_token_reused"],
  ])(
    `a refresh that Auth refuses with %i %s is 401 %s (API version ${version})`,
    async (status, code, told) => {
      auth.reply(token, reply(status, code));
      const answer = await api("/auth/refresh", { json: { refresh_token: "some-refresh-token" } });
      expect(errorOf(answer)).toMatchObject({ status: 401, code: told });
    },
  );

  test.each([
    [422, "same_password", 422, "validation_failed"],
    [422, "weak_password", 422, "weak_password"],
    [401, "insufficient_aal", 403, "second_factor_enrolled"],
    [400, "current_password_invalid", 403, "wrong_password"],
    [403, "session_not_found", 401, "invalid_token"],
  ])(
    `a change of password that Auth refuses with %i %s is %i %s (API version ${version})`,
    async (status, code, expected, told) => {
      const { email, headers } = await newUser();
      auth.reply(/PUT \/auth\/v1\/user/, reply(status, code));
      const json = { current_password: password, new_password: "Another-horse-1" };
      expect(errorOf(await api("/auth/change-password", { headers, json }))).toMatchObject({
        status: expected,
        code: told,
      });
      auth.restore();
      expect((await signIn(email)).status).toBe(200);
    },
  );

  test(`a registration says whether an address is taken or not accepted by Auth (API version ${version})`, async () => {
    const registration = () => ({
      headers: developer.project.headers,
      json: { email: freshEmail(), password },
    });
    for (const code of ["email_exists", "user_already_exists"]) {
      auth.reply(/admin\/users/, reply(422, code));
      expect(errorOf(await api("/auth/register", registration())).code).toBe("account_exists");
    }
    for (const code of ["validation_failed", "email_address_invalid"]) {
      auth.reply(/admin\/users/, reply(400, code));
      expect(errorOf(await api("/auth/register", registration())).code).toBe("validation_failed");
    }
  });
});

test.each([409, 408])(
  "a call that Auth answers with %i is repeated once, and the second answer counts",
  async (status) => {
    const { email, refresh_token } = await newUser();
    auth.reply(
      token,
      { status, body: { code: status, error_code: "conflict", msg: "Too many" } },
      { times: 1 },
    );
    expect((await api("/auth/refresh", { json: { refresh_token } })).status).toBe(200);
    auth.reply(token, { status, body: "" }, { times: 1 });
    expect((await signIn(email)).status).toBe(200);
    expect(auth.calls.map(({ target }) => target.split("=")[1])).toEqual([
      "refresh_token",
      "refresh_token",
      "password",
      "password",
    ]);
  },
);

test("a refresh that Auth never answers is one call, and a 503 after one deadline of eight seconds", async () => {
  const { refresh_token } = await newUser();
  auth.reply(token, "silence");
  const start = performance.now();
  const answer = await api("/auth/refresh", { json: { refresh_token } });
  expect(errorOf(answer)).toMatchObject({ status: 503, code: "auth_unavailable" });
  expect(performance.now() - start).toBeLessThan(15_000);
  expect(auth.calls).toHaveLength(1);
});

test("when Auth's rate limit is reached, Retry-After is three seconds, not Auth's minute", async () => {
  const { email } = await newUser();
  auth.reply(token, { status: 429, body: {}, headers: { "retry-after": "60" } });
  expect((await signIn(email)).headers.get("retry-after")).toBe("3");
});

test("Auth sees one constant client address for each account", async () => {
  const [one, two] = [await newUser(), await newUser()];
  for (const { email } of [one, one, two]) await signIn(email);
  const told = auth.calls.map(({ forwarded_for }) => forwarded_for ?? "");
  expect(told[0]).toMatch(/^fd[0-9a-f]{2}(:[0-9a-f]{4}){7}$/);
  expect(told[1]).toBe(told[0]);
  expect(told[2]).not.toBe(told[0]);
});

test("logins with 40 unknown addresses are 401, because Auth sees a different client address for each", async () => {
  const strangers = Array.from({ length: 40 }, () => freshEmail("nobody"));
  const answers = await Promise.all(strangers.map((email) => signIn(email)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
  const told = auth.calls.map(({ forwarded_for }) => forwarded_for);
  expect(new Set(told.filter((address) => address !== undefined)).size).toBeGreaterThanOrEqual(40);
});

describe("a registration that fails halfway", () => {
  test.each<[string, AuthReply]>([
    ["a rate limit", { status: 429, body: {} }],
    ["a failure", { status: 500, body: {} }],
    ["a refusal", { status: 400, body: { code: 400, error_code: "invalid_credentials" } }],
    ["a cut connection", "reset"],
  ])(
    "a registration whose sign-in ends with %s keeps the account and shows the keys",
    async (_name, reply) => {
      auth.reply(token, reply);
      const email = freshEmail("half");
      const operator = { "X-Operator-Key": target.credentials.operator_key ?? "" };
      const answer = await api("/auth/register", { headers: operator, json: { email, password } });
      expect(answer).toMatchObject({
        status: 201,
        body: { access_token: null, refresh_token: null, needs_verification: false },
      });
      expect(answer.body.provisioning.developer_key).toMatch(/^ak_/);
      auth.restore();
      expect((await api("/auth/login", { json: { email, password } })).status).toBe(200);
    },
  );

  test("a registration is completed when Auth creates the user but answers 500", async () => {
    auth.reply(/POST \/auth\/v1\/admin\/users/, { status: 500, body: {} }, { times: 1, late: true });
    const json = { email: freshEmail("half"), password };
    const answer = await api("/auth/register", { headers: developer.project.headers, json });
    expect(answer.status).toBe(201);
    expect(answer.body.access_token).toEqual(expect.any(String));
  });
});
