import { expect, inject, test } from "vitest";
import {
  api,
  errorOf,
  freshEmail,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { forgetMailCounts } from "../support/forget-mail-counts.ts";
import { mailsTo, mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const { urls } = inject("stack");
const sql = openDatabase();

const verify = (json: unknown) => api("/auth/verify-email", { json });
const subject = "Confirm your address";

async function newUser() {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  return { ...user, project, mail: await mailTo(user.email, subject) };
}

test("a second verification mail within a minute is 429 for the owner, and a stranger gets the usual answer", async () => {
  const { id, email, headers } = await newUser();
  const own = await api("/auth/request-verification", { method: "POST", headers });
  expect(errorOf(own)).toMatchObject({ status: 429, code: "mail_limit_exceeded" });
  expect(Number(own.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Number(own.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  const ask = (userId: string) => api(`/auth/request-verification?user_id=${userId}`, { method: "POST" });
  const [known, unknown] = [await ask(id), await ask(crypto.randomUUID())];
  expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
  await forgetMailCounts(sql, "verification", id);
  expect((await ask(id)).body).toEqual(unknown.body);
  await mailTo(email, subject, (await mailsTo(email))[0]);
});

test("request-verification by email mails a known address, and answers the same for unknown and foreign ones", async () => {
  const { id, email, project, mail } = await newUser();
  const foreign = await newUser();
  await forgetMailCounts(sql, "verification", id);
  const projectHeaders = { "X-Project-ID": project.id };
  const ask = (json: unknown, headers: Record<string, string> = projectHeaders) =>
    api("/auth/request-verification", { headers, json });
  const answers = [
    await ask({ email: ` ${email.toUpperCase()} ` }),
    await ask({ email }),
    await ask({ email: freshEmail("nobody") }),
    await ask({ email: foreign.email }),
    await ask({ email }, {}),
  ];
  for (const { status, body } of answers) expect([status, body]).toEqual([200, answers[0]?.body]);
  const newer = await mailTo(email, subject, mail);
  expect((await verify({ token: tokenOf(newer) })).status).toBe(200);
  expect(await mailsTo(foreign.email)).toHaveLength(1);
});

test("request-verification sends no mail to a verified account and gives the usual answer", async () => {
  const { id, email, headers, mail } = await newUser();
  await verify({ token: tokenOf(mail) });
  await forgetMailCounts(sql, "verification", id);
  const answer = await api("/auth/request-verification", { method: "POST", headers });
  expect(answer.body).toEqual({
    message: "If the account exists and is not verified, we are sending a mail to it.",
  });
  const later = await newUser();
  expect(later.mail.subject).toContain(subject);
  expect(await mailsTo(email)).toHaveLength(1);
});

test("a project that requires verification gives unverified users no tokens and refuses those of Auth", async () => {
  const owner = await registerDeveloper();
  const created = await api("/projects", {
    headers: owner.headers,
    json: { name: "Strict", email_verification: "required" },
  });
  const app = { "X-Developer-Key": owner.project.developer_key, "X-Project-ID": created.body.id };
  const email = freshEmail("strict");
  const registered = await api("/auth/register", { headers: app, json: { email, password } });
  expect(registered).toMatchObject({
    status: 201,
    body: { access_token: null, refresh_token: null, is_verified: false },
  });
  const refused = await api("/auth/login", { headers: app, json: { email, password } });
  expect(errorOf(refused)).toMatchObject({ status: 400, code: "account_not_verified" });
  expect(refused.body.detail).toMatch(/^Account not activated\..* request a new mail/);
  const direct = await fetch(`${urls.gateway}/auth/v1/token?grant_type=password`, {
    method: "POST",
    headers: { apikey: inject("stack").keys.publishable ?? "", "Content-Type": "application/json" },
    body: JSON.stringify({ email: `${registered.body.id}@${created.body.id}.users.invalid`, password }),
  });
  const { access_token } = (await direct.json()) as { access_token: string };
  const smuggled = await api("/auth/me", { headers: { Authorization: `Bearer ${access_token}` } });
  expect(errorOf(smuggled)).toMatchObject({ status: 400, code: "account_not_verified" });

  const mail = await mailTo(email, subject);
  expect(mail.from[0]?.name).toBe("Strict");
  expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
  expect((await login(email, app)).token).toBeTruthy();
});

test.each([
  ["https://cards.example.com/app/confirm", "https://cards.example.com/app/confirm?token="],
  ["https://cards.example.com/confirm?lang=fr", "https://cards.example.com/confirm?lang=fr&token="],
  ["https://cards.example.com/#/confirm", "https://cards.example.com/#/confirm?token="],
])(
  "a project with the verify_url %s gets its links there and its name in the mail",
  async (verifyUrl, start) => {
    const owner = await registerDeveloper();
    const { body } = await api("/projects", {
      headers: owner.headers,
      json: { name: "Post & Cards <Ltd>", verify_url: verifyUrl },
    });
    expect(body).toMatchObject({ verify_url: verifyUrl, reset_url: null });
    const email = freshEmail("site");
    await api("/auth/register", {
      headers: { "X-Developer-Key": owner.project.developer_key, "X-Project-ID": body.id },
      json: { email, password, full_name: "<b>Win money at evil.example</b>" },
    });
    const mail = await mailTo(email, subject);
    expect(mail.from[0]?.name).toBe("Post & Cards Ltd");
    expect(mail.text).toContain(`${start}${tokenOf(mail)}&user_id=`);
    expect(mail.html).toContain("Post &#38; Cards &#60;Ltd&#62;");
    expect(mail.text + mail.html).not.toContain("Win money");
  },
);

test("site_url alone does not move verification links: without verify_url they open the page of the API", async () => {
  const owner = await registerDeveloper();
  await api(`/projects/${owner.project.id}`, {
    method: "PATCH",
    headers: owner.headers,
    json: { site_url: "https://cards.example.com/" },
  });
  const { email } = await registerEndUser(owner.project);
  expect((await mailTo(email, subject)).text).toContain(`${urls.base}/api/v1/auth/verify-email#token=`);
});

test.each([
  ["a request that names no account", "", 401, "not_authenticated"],
  ["an invalid user id", "?user_id=7", 422, "validation_failed"],
])("request-verification refuses %s", async (_name, query, status, code) => {
  const answer = await api(`/auth/request-verification${query}`, { method: "POST" });
  expect(errorOf(answer)).toMatchObject({ status, code });
});

test("request-verification refuses other content types and broken JSON", async () => {
  const ask = (type: string, body: string) =>
    api("/auth/request-verification", { method: "POST", headers: { "Content-Type": type }, body });
  expect(errorOf(await ask("text/plain", "email=a@example.com")).status).toBe(415);
  expect(errorOf(await ask("application/json", "{")).status).toBe(400);
});
