import { beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  freshEmail,
  login,
  type Project,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { headerOf } from "../support/auth-tokens.ts";
import { mailsTo, mailTo } from "../support/mail.ts";
import { until } from "../support/until.ts";

// Anybody can call Supabase Auth itself, since every app's page contains the publishable key.
const { keys, urls } = inject("stack");
let project: Project;
let user: EndUser;

beforeAll(async () => {
  project = (await registerDeveloper()).project;
  user = await registerEndUser(project);
  // The tests below count mails from here on.
  await mailTo(user.email, "Confirm your address");
});

async function auth(path: string, sent: unknown, token?: string, method = "POST") {
  const response = await fetch(`${urls.gateway}/auth/v1${path}`, {
    method,
    headers: {
      apikey: keys.publishable ?? "",
      "Content-Type": "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(sent),
  });
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  return { status: response.status, body };
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");

test("Auth does not tell the holder of a forged token whether a password is right", async () => {
  const claims = { sub: user.id, role: "authenticated", aud: "authenticated", exp: 9_999_999_999 };
  const forged = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}.AAAA`;
  const change = (current_password: string) =>
    auth("/user", { password: "Somebody-else-1", current_password }, forged, "PUT");
  const right = await change(password);
  expect(right.status).toBeGreaterThanOrEqual(401);
  expect(await change("Wrong-horse-1")).toEqual(right);
});

async function expectUntouched() {
  const { headers } = await login(user.email, { "X-Project-ID": project.id });
  expect((await api("/auth/me", { headers })).body).toMatchObject({ id: user.id, email: user.email });
}

test("access tokens are signed with a private key, and Auth publishes its public key by kid", async () => {
  const response = await fetch(`${urls.gateway}/auth/v1/.well-known/jwks.json`);
  expect(response.headers.get("cache-control")).toContain("max-age");
  const published = (await response.json()) as { keys: Record<string, string>[] };
  const { alg, kid } = headerOf(user.token);
  // A project with the legacy secret publishes no key.
  if (alg === "HS256") expect(published).toEqual({ keys: [] });
  else expect(published.keys).toContainEqual(expect.objectContaining({ kid, alg, kty: "EC", crv: "P-256" }));
  for (const key of published.keys) expect(key).not.toHaveProperty("d");
});

test("Auth refuses sign-up and does not change the account", async () => {
  const answer = await auth("/signup", { email: user.email, password: "Somebody-else-1" });
  expect(answer.status).toBe(422);
  expect(answer.body.access_token).toBeUndefined();
  await expectUntouched();
});

test.each([
  ["the user's email and right password", () => user.email],
  ["the user's email in capitals", () => user.email.toUpperCase()],
])("a password grant at Auth with %s is refused", async (_name, email) => {
  const answer = await auth("/token?grant_type=password", { email: email(), password });
  expect(answer.status).toBe(400);
  expect(answer.body.access_token).toBeUndefined();
});

test.each([
  ["a password recovery", "/recover", {}],
  ["a magic link", "/magiclink", {}],
  ["a one-time code without a new user", "/otp", { create_user: false }],
])(
  "%s at Auth for a user's email sends no mail and does not change the account",
  async (_name, path, more) => {
    const before = (await mailsTo(user.email)).length;
    await auth(path, { email: user.email, ...more });
    // A later mail has arrived, so an earlier one would have arrived too.
    const marker = await registerEndUser(project);
    await until("the later mail arrives", async () => (await mailsTo(marker.email))[0]);
    expect((await mailsTo(user.email)).length).toBe(before);
    await expectUntouched();
  },
);

test("a user of Auth without an account is refused by the API and reads no row", async () => {
  const email = freshEmail("stranger");
  const made = await api(`${urls.gateway}/auth/v1/admin/users`, {
    headers: { apikey: keys.secret ?? "" },
    json: { email, password, email_confirm: true },
  });
  expect(made.status).toBe(200);
  const signedIn = await auth("/token?grant_type=password", { email, password });
  const headers = { Authorization: `Bearer ${signedIn.body.access_token}` };
  for (const path of ["/auth/me", "/auth/sessions", "/projects"]) {
    expect((await api(path, { headers: { ...project.headers, ...headers } })).status).toBe(401);
  }
  for (const table of ["users", "projects", "generations", "developer_keys", "api_keys"]) {
    const rows = await fetch(`${urls.gateway}/rest/v1/${table}?select=id`, {
      headers: { apikey: keys.publishable ?? "", ...headers },
    });
    expect(await rows.json()).toEqual([]);
  }
  await expectUntouched();
});

test("a resend of a confirmation at Auth does not change the account", async () => {
  await auth("/resend", { type: "signup", email: user.email });
  await auth("/resend", { type: "email_change", email: user.email });
  await expectUntouched();
});

test("Auth answers an unknown path with 404 and without a page", async () => {
  const headers = { apikey: keys.publishable ?? "", Authorization: `Bearer ${user.token}` };
  const { status, headers: told } = await fetch(`${urls.gateway}/auth/v1/nothing-here`, { headers });
  expect(status).toBe(404);
  expect(told.get("content-type")).not.toContain("html");
});

test.each(["/admin/users", "/admin/generate_link", "/invite"])(
  "%s of Auth refuses the publishable key and a user's token",
  async (path) => {
    const answer = await auth(path, { email: user.email, type: "recovery", password: "Somebody-else-1" });
    expect([401, 403, 404]).toContain(answer.status);
    const withToken = await auth(path, { email: user.email, type: "recovery" }, user.token);
    expect([401, 403, 404]).toContain(withToken.status);
    await expectUntouched();
  },
);
