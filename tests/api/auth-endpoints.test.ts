import { createClient } from "@supabase/supabase-js";
import { describe, expect, inject, test } from "vitest";
import { readConfig } from "../../scripts/local/config.ts";
import {
  api,
  errorOf,
  freshEmail,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { openDatabase } from "../support/management.ts";

// Every visitor of an app has the publishable key and can call Auth's own endpoints with it.
const { urls, keys } = inject("stack");
const sql = openDatabase();
const auth = (path: string, json?: unknown, headers: Record<string, string> = {}, method = "POST") =>
  api(`${urls.gateway}/auth/v1${path}`, {
    method: json === undefined ? "GET" : method,
    headers: { apikey: keys.publishable ?? "", ...headers },
    ...(json === undefined ? {} : { json }),
  });

const usersAt = async (email: string) =>
  (await sql`select count(*)::int as users from auth.users where email = ${email}`)[0]?.users;

describe("endpoints of Auth that config.toml disables", () => {
  test.each<[string, (email: string) => [string, object], string]>([
    ["sign-up", (email) => ["/signup", { email, password }], "signup_disabled"],
    ["anonymous sign-in", () => ["/signup", {}], "signup_disabled"],
    [
      "a one-time code for a new email with create_user",
      (email) => ["/otp", { email, create_user: true }],
      "otp_disabled",
    ],
    ["a one-time code for a new email", (email) => ["/otp", { email }], "otp_disabled"],
    ["a magic link for a new email", (email) => ["/magiclink", { email }], "signup_disabled"],
  ])("Auth refuses %s to an anonymous caller and creates no user", async (_name, call, code) => {
    const email = freshEmail("visitor");
    const answer = await auth(...call(email));
    expect(answer).toMatchObject({ status: 422, body: { error_code: code } });
    expect(await usersAt(email)).toBe(0);
  });

  test("Auth answers 200 to a password recovery for an unknown email and creates no user", async () => {
    const email = freshEmail("visitor");
    expect((await auth("/recover", { email })).status).toBe(200);
    expect(await usersAt(email)).toBe(0);
  });

  test("Auth refuses to enrol a second factor, so a stolen token locks nobody out", async () => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    const bearer = { Authorization: `Bearer ${user.token}` };
    const answer = await auth("/factors", { factor_type: "totp", friendly_name: "x" }, bearer);
    expect(answer).toMatchObject({ status: 422, body: { error_code: "mfa_totp_enroll_not_enabled" } });
    expect((await auth("/factors", { factor_type: "totp" })).status).toBe(401);
  });
});

test("Auth sends at most one mail a minute to one address", async () => {
  const { id, email } = await registerDeveloper();
  await sql`update auth.users set recovery_sent_at = null where id = ${id}`;
  expect((await auth("/recover", { email })).status).toBe(200);
  for (const path of ["/recover", "/otp"]) {
    expect(await auth(path, { email, create_user: false })).toMatchObject({
      status: 429,
      body: { error_code: "over_email_send_rate_limit" },
    });
  }
});

describe("changing a password at Auth", () => {
  test.each<[string, object, string]>([
    ["without the current password", {}, "current_password_required"],
    ["with a wrong current password", { current_password: "Wrong-horse-9" }, "current_password_invalid"],
  ])("Auth refuses a change of password %s", async (_name, more, code) => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    const bearer = { Authorization: `Bearer ${user.token}` };
    const answer = await auth("/user", { password: "Another-horse-1", ...more }, bearer, "PUT");
    expect(answer).toMatchObject({ status: 400, body: { error_code: code } });
    await login(user.email, { "X-Project-ID": project.id });
  });

  test("the API changes a password at Auth with the current password", async () => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    const json = { current_password: password, new_password: "Another-horse-1" };
    expect((await api("/auth/change-password", { headers: user.headers, json })).status).toBe(200);
  });
});

test.each<[string, string, string, object]>([
  ["refresh tokens", "POST", "/token?grant_type=refresh_token", { refresh_token: "guess" }],
  ["new passwords", "PUT", "/user", { password: "Another-horse-1" }],
])(
  "Auth limits a burst of %s from one IP address with 429 and Retry-After, and not other addresses",
  async (_, method, path, json) => {
    const { token } = await registerEndUser((await registerDeveloper()).project);
    const headers = { apikey: keys.secret ?? "", Authorization: `Bearer ${token}` };
    const send = (address: string) => auth(path, json, { ...headers, "Sb-Forwarded-For": address }, method);
    const [one, others] = await Promise.all([
      Promise.all(Array.from({ length: 150 }, () => send("203.0.113.9"))),
      Promise.all(Array.from({ length: 60 }, (_, at) => send(`fd00::${at.toString(16)}`))),
    ]);
    const refused = one.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get("retry-after")).toBe("60");
    expect(refused[0]?.body).toMatchObject({ code: 429, error_code: "over_request_rate_limit" });
    expect(others.filter(({ status }) => status === 429)).toHaveLength(0);
  },
);

test("72 parallel logins from one server all succeed", async () => {
  const { project } = await registerDeveloper();
  const users = await Promise.all(Array.from({ length: 8 }, () => registerEndUser(project)));
  const signIns = Array.from({ length: 72 }, (_, at) =>
    login(users[at % users.length]?.email ?? "", { "X-Project-ID": project.id }),
  );
  expect(await Promise.all(signIns)).toHaveLength(72);
});

test("ten parallel registrations of one developer's email make one account, and nine answer account_exists", async () => {
  const email = freshEmail("crowd");
  const headers = { "X-Operator-Key": inject("stack").credentials.operator_key ?? "" };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => api("/auth/register", { headers, json: { email, password } })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  const refused = answers.filter(({ status }) => status !== 201).map((answer) => errorOf(answer).code);
  expect(refused).toEqual(Array.from({ length: 9 }, () => "account_exists"));
  await login(email);
});

describe("supabase-js on a page of localhost", () => {
  const origin = "http://localhost:5173";
  const preflight = (path: string) =>
    fetch(`${urls.gateway}/auth/v1${path}`, {
      method: "OPTIONS",
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers":
          "apikey,authorization,content-type,x-client-info,x-supabase-api-version",
      },
    });

  test.each(["/token?grant_type=password", "/user", "/logout", "/admin/users", "/signup"])(
    "CORS lets a page on localhost call %s of Auth and read refusals",
    async (path) => {
      const answer = await preflight(path);
      expect(answer.status).toBeLessThan(300);
      expect(["*", origin]).toContain(answer.headers.get("access-control-allow-origin"));
      const allowed = answer.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
      for (const name of ["apikey", "authorization", "content-type", "x-client-info"])
        expect(allowed === "*" || allowed.includes(name)).toBe(true);
      expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
      const refused = await auth(path, { email: "x" }, { Origin: origin });
      expect(["*", origin]).toContain(refused.headers.get("access-control-allow-origin"));
    },
  );

  test("supabase-js on a page signs in, refreshes and signs out at Auth", async () => {
    const { email } = await registerDeveloper();
    const fromPage: typeof fetch = async (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set("Origin", origin);
      const answer = await fetch(input, { ...init, headers });
      expect(["*", origin]).toContain(answer.headers.get("access-control-allow-origin"));
      return answer;
    };
    const client = createClient(urls.gateway, keys.publishable ?? "", {
      auth: { persistSession: false, autoRefreshToken: false },
      global: { fetch: fromPage },
    }).auth;
    expect((await client.signInWithPassword({ email, password })).error).toBeNull();
    expect((await client.refreshSession()).error).toBeNull();
    expect((await client.getUser()).data.user?.email).toBe(email);
    expect((await client.signOut({ scope: "local" })).error).toBeNull();
  });
});

test("config.toml disables sign-up and second factors and requires the current password", () => {
  const config = readConfig();
  expect(config.section("auth").enable_signup).toBe(false);
  expect(config.section("auth.email").require_current_password).toBe(true);
  expect(config.section("auth.mfa.totp")).toMatchObject({ enroll_enabled: false, verify_enabled: false });
});
