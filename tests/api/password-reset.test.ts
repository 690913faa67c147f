import { expect, test } from "vitest";
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
import { until } from "../support/until.ts";

const sql = openDatabase();

const another = "Another-horse-8";
const subject = "Set a new password";
const ask = (email: string, headers = {}) =>
  api("/auth/request-password-reset", { headers, json: { email } });
const reset = (token: string, secret = another) =>
  api("/auth/reset-password", { json: { token, password: secret } });
const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;

async function requestReset() {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const projectHeaders = { "X-Project-ID": project.id };
  expect((await ask(user.email, projectHeaders)).status).toBe(200);
  return { ...user, projectHeaders, project, mail: await mailTo(user.email, subject) };
}

test("a password reset sets the password, ends every session and notifies by mail", async () => {
  const { email, token, refresh_token, projectHeaders, mail } = await requestReset();
  const answer = await reset(tokenOf(mail));
  expect(answer.status).toBe(200);
  expect(await me(token)).toBe(401);
  expect((await api("/auth/refresh", { json: { refresh_token } })).status).toBe(401);
  expect((await api("/auth/login", { headers: projectHeaders, json: { email, password } })).status).toBe(401);
  const { headers } = await login(email, projectHeaders, another);
  expect((await api("/auth/me", { headers })).body).toMatchObject({ email, is_verified: true });
  expect((await api<unknown[]>("/auth/sessions", { headers })).body).toHaveLength(1);
  await mailTo(email, "was changed");
  expect(errorOf(await reset(tokenOf(mail)))).toMatchObject({ status: 400, code: "reset_token_used" });
});

test("50 parallel uses of one reset token succeed once", async () => {
  const { email, projectHeaders, mail } = await requestReset();
  const token = tokenOf(mail);
  const tries = Array.from({ length: 50 }, (_, index) => `Parallel-horse-${index}`);
  const answers = await Promise.all(tries.map((secret) => reset(token, secret)));
  const won = answers.flatMap((answer, index) => (answer.status === 200 ? [tries[index] ?? ""] : []));
  expect(won).toHaveLength(1);
  const lost = answers.filter(({ status }) => status !== 200).map((answer) => errorOf(answer).code);
  expect(lost).toHaveLength(49);
  expect(["password_change_running", "reset_token_used"]).toEqual(expect.arrayContaining([...new Set(lost)]));
  expect((await login(email, projectHeaders, won[0])).token).toBeTruthy();
});

test("a weak password does not use up a reset token", async () => {
  const { mail } = await requestReset();
  expect(errorOf(await reset(tokenOf(mail), "weak"))).toMatchObject({
    status: 422,
    code: "validation_failed",
  });
  expect((await reset(tokenOf(mail))).status).toBe(200);
});

test("a newer reset mail does not invalidate an older one, and using either invalidates both", async () => {
  const { email, projectHeaders, project, mail } = await requestReset();
  await forgetMailCounts(sql, "password_reset", `${project.id}:${email}`);
  await ask(email, projectHeaders);
  const newer = await mailTo(email, subject, mail);
  expect((await reset(tokenOf(mail))).status).toBe(200);
  expect(errorOf(await reset(tokenOf(newer))).code).toBe("reset_token_used");
});

test("two reset tokens of one account used in parallel set one password", async () => {
  const { email, projectHeaders, project, mail } = await requestReset();
  await forgetMailCounts(sql, "password_reset", `${project.id}:${email}`);
  await ask(email, projectHeaders);
  const newer = await mailTo(email, subject, mail);
  const secrets = ["Either-horse-1", "Either-horse-2"];
  const answers = await Promise.all([mail, newer].map((one, index) => reset(tokenOf(one), secrets[index])));
  expect(answers.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
  const won = secrets[answers.findIndex(({ status }) => status === 200)];
  expect((await login(email, projectHeaders, won)).token).toBeTruthy();
});

test("an expired reset token is refused", async () => {
  const { id, mail } = await requestReset();
  await sql`update private.mail_tokens set expires_at = now() where user_id = ${id} and purpose = 'password_reset'`;
  expect(errorOf(await reset(tokenOf(mail)))).toMatchObject({ status: 400, code: "reset_token_invalid" });
});

test("changing the password invalidates earlier reset tokens", async () => {
  const { headers, mail } = await requestReset();
  const changed = await api("/auth/change-password", {
    headers,
    json: { current_password: password, new_password: "Owners-horse-9" },
  });
  expect(changed.status).toBe(200);
  expect(errorOf(await reset(tokenOf(mail))).code).toBe("reset_token_used");
});

test("a reset token whose use was interrupted works again once its permit has expired", async () => {
  const { id, email, projectHeaders, mail } = await requestReset();
  // The state after the function died between the permit and Auth's answer.
  const [token] =
    await sql`select digest from private.mail_tokens where user_id = ${id} and purpose = 'password_reset'`;
  await sql`insert into private.password_permits (user_id, expires_at, token_digest)
    values (${id}, now() + interval '1 minute', ${token?.digest})`;
  expect(errorOf(await reset(tokenOf(mail)))).toMatchObject({ status: 409, code: "password_change_running" });
  await sql`update private.password_permits set expires_at = now() where user_id = ${id}`;
  expect((await reset(tokenOf(mail))).status).toBe(200);
  expect((await login(email, projectHeaders, another)).token).toBeTruthy();
});

test.each([["nonsense"], ["0".repeat(64)], ["' or true --"], ["../admin"]])(
  "the reset token %s is refused, however often it is tried",
  async (token) => {
    for (let turn = 0; turn < 3; turn++) {
      expect(errorOf(await reset(token))).toMatchObject({ status: 400, code: "reset_token_invalid" });
    }
  },
);

test("a reset request gets the same answer for known, unknown, deactivated and foreign emails, and mails only known ones", async () => {
  const { project } = await registerDeveloper();
  const [known, closed] = [await registerEndUser(project), await registerEndUser(project)];
  const foreign = await registerEndUser((await registerDeveloper()).project);
  await sql`update public.users set deactivated_at = now() where id = ${closed.id}`;
  const projectHeaders = { "X-Project-ID": project.id };
  const answers = [];
  for (const email of [known.email, freshEmail("nobody"), closed.email, foreign.email]) {
    const { status, body } = await ask(email, projectHeaders);
    answers.push({ status, body });
  }
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  await mailTo(known.email, subject);
  // With an empty outbox no further mail can come.
  await until("the outbox is empty", async () => {
    const [row] =
      await sql`select count(*)::int as waiting from private.mail_outbox where kind = 'password_reset'`;
    return row?.waiting === 0;
  });
  for (const { email } of [closed, foreign]) {
    expect((await mailsTo(email)).filter((mail) => mail.subject.includes(subject))).toEqual([]);
  }
});

test("a second reset request within a minute sends no mail and gets the usual answer", async () => {
  const { email, projectHeaders } = await requestReset();
  const again = await ask(email, projectHeaders);
  expect(again).toMatchObject({
    status: 200,
    body: { message: expect.stringContaining("If an account with this address exists") },
  });
  const [row] = await sql`
    select count(*)::int as waiting from private.mail_outbox m join public.users u on u.id = m.user_id
    where u.email = ${email} and m.kind = 'password_reset'`;
  expect(row?.waiting).toBe(0);
});

test("without a project a reset request mails a developer, and no end user", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  expect((await ask(user.email)).status).toBe(200);
  await ask(developer.email);
  const mail = await mailTo(developer.email, subject);
  const [row] = await sql`
    select count(*)::int as waiting from private.mail_outbox where user_id = ${user.id} and kind = 'password_reset'`;
  expect(row?.waiting).toBe(0);
  expect((await mailsTo(user.email)).filter((one) => one.subject.includes(subject))).toEqual([]);
  expect(mail.from[0]?.name).toBe("Cloud API");
  expect((await reset(tokenOf(mail))).status).toBe(200);
  expect((await login(developer.email, {}, another)).token).toBeTruthy();
});

test("a password reset in one project does not change the same email's account in another project", async () => {
  const [one, two] = [(await registerDeveloper()).project, (await registerDeveloper()).project];
  const email = freshEmail("both");
  await registerEndUser(one, email);
  const other = await registerEndUser(two, email);
  await ask(email, { "X-Project-ID": one.id });
  expect((await reset(tokenOf(await mailTo(email, subject)))).status).toBe(200);
  expect(await me(other.token)).toBe(200);
  expect((await login(email, { "X-Project-ID": two.id })).token).toBeTruthy();
  expect((await login(email, { "X-Project-ID": one.id }, another)).token).toBeTruthy();
});
