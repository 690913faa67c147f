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
import { forgetMail } from "../support/attempts.ts";
import { codeOf, mailsTo, mailTo, tokenOf } from "../support/mail.ts";
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

const isVerified = async (headers: Record<string, string>) =>
  (await api("/auth/me", { headers })).body.is_verified;

test("the link of the mail verifies the address once, and opening it does nothing", async () => {
  const { email, headers, mail } = await newUser();
  const link = /https?:\S+#token=\S+/.exec(mail.text)?.[0] ?? "";
  expect(link.startsWith(`${urls.base}/api/v1/auth/verify-email#token=`)).toBe(true);
  for (const method of ["GET", "HEAD", "GET"]) expect((await fetch(link, { method })).status).toBe(200);
  expect(await isVerified(headers)).toBe(false);
  const answer = await verify({ token: tokenOf(mail) });
  expect(answer).toMatchObject({ status: 200, body: { email, message: "The address is verified." } });
  expect(await isVerified(headers)).toBe(true);
  expect(errorOf(await verify({ token: tokenOf(mail) }))).toMatchObject({
    status: 400,
    code: "verification_token_invalid",
  });
});

test("verifying signs nobody in: no session is left behind", async () => {
  const { id, mail } = await newUser();
  await verify({ token: tokenOf(mail) });
  const [row] = await sql`select count(*)::int as sessions from auth.sessions where user_id = ${id}`;
  expect(row?.sessions).toBe(1);
});

test("account and token together verify too, and so do account and code", async () => {
  const one = await newUser();
  const byToken = await verify({ user_id: one.id, verification_token: tokenOf(one.mail) });
  expect(byToken).toMatchObject({ status: 200, body: { email: one.email } });
  const two = await newUser();
  const byCode = await verify({ user_id: two.id, verification_token: codeOf(two.mail) });
  expect(byCode).toMatchObject({ status: 200, body: { email: two.email } });
});

test("a token of one account does not verify another", async () => {
  const [one, two] = [await newUser(), await newUser()];
  const answer = await verify({ user_id: two.id, verification_token: tokenOf(one.mail) });
  expect(errorOf(answer)).toMatchObject({ status: 400, code: "verification_token_invalid" });
  expect(await isVerified(one.headers)).toBe(false);
  expect(await isVerified(two.headers)).toBe(false);
});

test("codes cannot be guessed: after five wrong ones even the right one has to wait", async () => {
  const { id, mail } = await newUser();
  const wrong = codeOf(mail) === "000000" ? "000001" : "000000";
  for (let guess = 0; guess < 5; guess++) {
    expect(errorOf(await verify({ user_id: id, verification_token: wrong })).status).toBe(400);
  }
  const answer = await verify({ user_id: id, verification_token: codeOf(mail) });
  expect(errorOf(answer)).toMatchObject({ status: 429, code: "attempts_exceeded" });
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
});

test("a code for nobody is as wrong as a wrong code", async () => {
  const { id } = await newUser();
  const [known, unknown] = [id, crypto.randomUUID()].map((user_id) => ({
    user_id,
    verification_token: "000000",
  }));
  const answers = [errorOf(await verify(known)), errorOf(await verify(unknown))];
  expect(answers[0]).toEqual(answers[1]);
});

test("a newer mail replaces the token of an older one", async () => {
  const { id, email, headers, mail } = await newUser();
  await forgetMail(sql, "verification", id);
  expect((await api("/auth/request-verification", { method: "POST", headers })).status).toBe(200);
  const newer = await mailTo(email, subject, mail);
  expect(errorOf(await verify({ token: tokenOf(mail) })).status).toBe(400);
  expect((await verify({ token: tokenOf(newer) })).status).toBe(200);
});

test("a token that is an hour old is refused", async () => {
  const { id, mail } = await newUser();
  await sql`update auth.users set recovery_sent_at = now() - interval '61 minutes' where id = ${id}`;
  expect(errorOf(await verify({ token: tokenOf(mail) }))).toMatchObject({
    status: 400,
    code: "verification_token_invalid",
  });
});

test("50 parallel uses of one verification token are one success", async () => {
  const { mail } = await newUser();
  const token = tokenOf(mail);
  const answers = await Promise.all(Array.from({ length: 50 }, () => verify({ token })));
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  expect(answers.filter((answer) => answer.status === 400)).toHaveLength(49);
});

test("one mail a minute: the owner is told to wait, a stranger hears the same as ever", async () => {
  const { id, email, headers } = await newUser();
  const own = await api("/auth/request-verification", { method: "POST", headers });
  expect(errorOf(own)).toMatchObject({ status: 429, code: "mail_limit_exceeded" });
  expect(Number(own.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Number(own.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  const ask = (user_id: string) => api(`/auth/request-verification?user_id=${user_id}`, { method: "POST" });
  const [known, unknown] = [await ask(id), await ask(crypto.randomUUID())];
  expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
  await forgetMail(sql, "verification", id);
  expect((await ask(id)).body).toEqual(unknown.body);
  await mailTo(email, subject, (await mailsTo(email))[0]);
});

test("a verified account gets no further mail, and the same answer", async () => {
  const { id, email, headers, mail } = await newUser();
  await verify({ token: tokenOf(mail) });
  await forgetMail(sql, "verification", id);
  const answer = await api("/auth/request-verification", { method: "POST", headers });
  expect(answer.body).toEqual({ message: "If the account has an address to verify, a mail is on its way." });
  const later = await newUser();
  expect(later.mail.subject).toContain(subject);
  expect(await mailsTo(email)).toHaveLength(1);
});

test("where verification is required there are no tokens before it, by no way in", async () => {
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
  expect(refused.body.detail).toMatch(/^Account not activated/);
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

test("a project with a site of its own gets the links there, and its name on the mail", async () => {
  const owner = await registerDeveloper();
  const { body } = await api("/projects", {
    headers: owner.headers,
    json: { name: "Post & Cards <Ltd>", site_url: "https://cards.example.com/app/" },
  });
  const email = freshEmail("site");
  await api("/auth/register", {
    headers: { "X-Developer-Key": owner.project.developer_key, "X-Project-ID": body.id },
    json: { email, password, full_name: "<b>Win money at evil.example</b>" },
  });
  const mail = await mailTo(email, subject);
  expect(mail.from[0]?.name).toBe("Post & Cards Ltd");
  expect(mail.text).toContain(`https://cards.example.com/app/verify-email?token=${tokenOf(mail)}&user_id=`);
  expect(mail.html).toContain("Post &#38; Cards &#60;Ltd&#62;");
  expect(mail.text + mail.html).not.toContain("Win money");
});

test.each([
  ["no account named", "", 401, "not_authenticated"],
  ["an id that is none", "?user_id=7", 422, "validation_failed"],
])("request-verification with %s is refused", async (_name, query, status, code) => {
  const answer = await api(`/auth/request-verification${query}`, { method: "POST" });
  expect(errorOf(answer)).toMatchObject({ status, code });
});
