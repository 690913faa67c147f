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
import { eventually, mailsTo, mailTo } from "../support/mail.ts";

// What anybody can send to Supabase Auth itself: the publishable key is in every app's page.
const { keys, urls } = inject("stack");
let project: Project;
let user: EndUser;

beforeAll(async () => {
  project = (await registerDeveloper()).project;
  user = await registerEndUser(project);
  // Whatever is counted below came after the mail of the registration.
  await mailTo(user.email, "Confirm your address");
});

async function auth(path: string, sent: unknown, token?: string) {
  const response = await fetch(`${urls.gateway}/auth/v1${path}`, {
    method: "POST",
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

async function expectUntouched() {
  const { headers } = await login(user.email, { "X-Project-ID": project.id });
  expect((await api("/auth/me", { headers })).body).toMatchObject({ id: user.id, email: user.email });
}

test("an access token is signed with a private key, whose public half Auth publishes by its name", async () => {
  const response = await fetch(`${urls.gateway}/auth/v1/.well-known/jwks.json`);
  expect(response.headers.get("cache-control")).toContain("max-age");
  const published = (await response.json()) as { keys: Record<string, string>[] };
  const { alg, kid } = headerOf(user.token);
  // A project with the legacy secret publishes nothing.
  if (alg === "HS256") expect(published).toEqual({ keys: [] });
  else expect(published.keys).toContainEqual(expect.objectContaining({ kid, alg, kty: "EC", crv: "P-256" }));
  for (const key of published.keys) expect(key).not.toHaveProperty("d");
});

test("sign-up is off", async () => {
  const answer = await auth("/signup", { email: user.email, password: "Somebody-else-1" });
  expect(answer.status).toBe(422);
  expect(answer.body.access_token).toBeUndefined();
  await expectUntouched();
});

test.each([
  ["the person's address and right password", () => user.email],
  ["the address in capitals", () => user.email.toUpperCase()],
])("a password grant with %s finds nobody", async (_name, email) => {
  const answer = await auth("/token?grant_type=password", { email: email(), password });
  expect(answer.status).toBe(400);
  expect(answer.body.access_token).toBeUndefined();
});

test.each([
  ["a password recovery", "/recover", {}],
  ["a magic link", "/magiclink", {}],
  ["a one-time code without a new user", "/otp", { create_user: false }],
])("%s for the person's address sends nothing", async (_name, path, more) => {
  const before = (await mailsTo(user.email)).length;
  await auth(path, { email: user.email, ...more });
  // The next mail of the stack has arrived, so an earlier one would have too.
  const marker = await registerEndUser(project);
  await eventually("the marker's mail", async () => (await mailsTo(marker.email))[0]);
  expect((await mailsTo(user.email)).length).toBe(before);
  await expectUntouched();
});

test("a user that exists at Auth alone reaches no account and no row", async () => {
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

test("resending a confirmation for the person's address reaches no account", async () => {
  await auth("/resend", { type: "signup", email: user.email });
  await auth("/resend", { type: "email_change", email: user.email });
  await expectUntouched();
});

test.each(["/admin/users", "/admin/generate_link", "/invite"])("%s is closed", async (path) => {
  const answer = await auth(path, { email: user.email, type: "recovery", password: "Somebody-else-1" });
  expect([401, 403, 404]).toContain(answer.status);
  const withToken = await auth(path, { email: user.email, type: "recovery" }, user.token);
  expect([401, 403, 404]).toContain(withToken.status);
  await expectUntouched();
});
