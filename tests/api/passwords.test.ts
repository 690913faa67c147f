import { expect, inject, test } from "vitest";
import { api, errorOf, login, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { mailTo } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const { urls, keys } = inject("stack");
const sql = openDatabase();
const another = "Another-horse-8";
const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;

async function user() {
  const { project } = await registerDeveloper();
  const account = await registerEndUser(project);
  const projectHeaders = { "X-Project-ID": project.id };
  return { ...account, projectHeaders, second: await login(account.email, projectHeaders) };
}

const change = (headers: Record<string, string>, currentPassword: string, newPassword: string) =>
  api("/auth/change-password", {
    headers,
    json: { current_password: currentPassword, new_password: newPassword },
  });

test("a change of password ends every other session, keeps the current one and notifies by mail", async () => {
  const { headers, token, email, projectHeaders, second } = await user();
  const answer = await change(headers, password, another);
  expect(answer.status).toBe(200);
  expect(await me(token)).toBe(200);
  expect(await me(second.token)).toBe(401);
  expect((await api("/auth/refresh", { json: { refresh_token: second.refresh_token } })).status).toBe(401);
  expect((await api("/auth/login", { headers: projectHeaders, json: { email, password } })).status).toBe(401);
  expect(await me((await login(email, projectHeaders, another)).token)).toBe(200);
  expect((await mailTo(email, "was changed")).from[0]?.address).toContain("@");
});

test("checking the current password leaves no session behind", async () => {
  const { headers } = await user();
  await change(headers, password, another);
  const { body } = await api<unknown[]>("/auth/sessions", { headers });
  expect(body).toHaveLength(1);
});

test("a change of password during another one is refused and leaves no session behind", async () => {
  const { headers, id } = await user();
  const sessions = async () => (await api<unknown[]>("/auth/sessions", { headers })).body.length;
  const before = await sessions();
  await sql`insert into private.password_permits (user_id, expires_at) values (${id}, now() + interval '1 minute')`;
  expect(errorOf(await change(headers, password, another))).toMatchObject({
    status: 409,
    code: "password_change_running",
  });
  expect(await sessions()).toBe(before);
});

test.each([
  ["a wrong current password", "Wrong-horse-9", another, 403, "wrong_password"],
  ["the same password again", password, password, 422, "validation_failed"],
  ["a weak new password", password, "weak", 422, "validation_failed"],
  ["a new password of 73 bytes", password, `Aa1${"é".repeat(35)}`, 422, "validation_failed"],
])(
  "a change of password with %s is refused and changes nothing",
  async (_name, current, wanted, status, code) => {
    const { headers, email, projectHeaders, second } = await user();
    expect(errorOf(await change(headers, current, wanted))).toMatchObject({ status, code });
    expect(await me(second.token)).toBe(200);
    expect(await me((await login(email, projectHeaders)).token)).toBe(200);
  },
);

test("a refusal of a weak new password names every reason", async () => {
  const { headers } = await user();
  const { body } = await change(headers, password, "abc");
  expect(body.errors.map((error: { msg: string }) => error.msg)).toEqual([
    "The new password must have at least 8 characters.",
    "The new password must contain an upper-case letter (A to Z).",
    "The new password must contain a digit (0 to 9).",
  ]);
});

test.each([
  ["email", { email: "somebody@example.com" }],
  ["phone", { phone: "+491701234567" }],
])("a stolen token cannot change the %s at /auth/v1/user", async (_name, changes) => {
  const { token, email, projectHeaders } = await user();
  const response = await fetch(`${urls.gateway}/auth/v1/user`, {
    method: "PUT",
    headers: {
      apikey: keys.publishable ?? "",
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify(changes),
  });
  await response.text();
  if (!("phone" in changes)) expect(response.status).toBeGreaterThanOrEqual(400);
  expect(await me((await login(email, projectHeaders)).token)).toBe(200);
});

test("after five parallel changes of a password exactly one new password works", async () => {
  const { headers, email, projectHeaders } = await user();
  const secrets = Array.from({ length: 5 }, (_, index) => `Double-horse-${index}`);
  const answers = await Promise.all(secrets.map((secret) => change(headers, password, secret)));
  const won = secrets.filter((_, index) => answers[index]?.status === 200);
  expect(won.length).toBeGreaterThanOrEqual(1);
  // 403: the current password was right until another change succeeded.
  const lost = answers.filter(({ status }) => status !== 200).map(errorOf);
  for (const error of lost) expect([403, 409], JSON.stringify(error)).toContain(error.status);
  const works = await Promise.all(
    won.map((secret) => api("/auth/login", { headers: projectHeaders, json: { email, password: secret } })),
  );
  expect(works.filter(({ status }) => status === 200)).toHaveLength(1);
});
