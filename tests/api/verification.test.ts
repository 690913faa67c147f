import { expect, inject, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { forgetMailCounts } from "../support/forget-mail-counts.ts";
import { codeOf, mailTo, tokenOf, wrongCode } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";
import { createApi, serve } from "../support/served-api.ts";

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

test("a verification token verifies its address once, and opening the mailed link does not use it up", async () => {
  const { email, headers, mail } = await newUser();
  const link = /https?:\S+#token=\S+/.exec(mail.text)?.[0] ?? "";
  expect(tokenOf(mail)).toMatch(/^[0-9a-f]{64}$/);
  expect(link.startsWith(`${urls.base}/api/v1/auth/verify-email#token=`)).toBe(true);
  for (const method of ["GET", "HEAD", "GET"]) expect((await fetch(link, { method })).status).toBe(200);
  expect(await isVerified(headers)).toBe(false);
  const answer = await verify({ token: tokenOf(mail) });
  expect(answer).toMatchObject({ status: 200, body: { email, message: "The address was verified." } });
  expect(await isVerified(headers)).toBe(true);
  expect(errorOf(await verify({ token: tokenOf(mail) }))).toMatchObject({
    status: 400,
    code: "verification_token_used",
  });
});

test("a mail says that it is sent automatically, so no out-of-office reply is sent to it", async () => {
  const { mail } = await newUser();
  expect(mail.headers).toMatchObject({ "auto-submitted": "auto-generated" });
});

test("the database stores no mailed token or code in plain text, and Auth has no token for the account", async () => {
  const { id, mail } = await newUser();
  const [account] = await sql`
    select coalesce(u.recovery_token, '') as recovery, coalesce(u.confirmation_token, '') as confirmation,
      (select string_agg(to_jsonb(t)::text, '') from private.mail_tokens t where t.user_id = u.id) as kept
    from auth.users u where u.id = ${id}`;
  expect(account).toMatchObject({ recovery: "", confirmation: "" });
  expect(account?.kept).not.toContain(tokenOf(mail));
  expect(account?.kept).not.toContain(codeOf(mail));
});

test.each([["POST"], ["GET"]])(
  "%s /auth/v1/verify of Auth neither accepts nor uses up a verification token",
  async (method) => {
    const { id, headers, project, mail } = await newUser();
    const email = `${id}@${project.id}.users.invalid`;
    const guesses = ["magiclink", "recovery", "signup", "email", "invite", "email_change"].flatMap((type) => [
      { type, token_hash: tokenOf(mail) },
      { type, token: tokenOf(mail), email },
      { type, token: codeOf(mail), email },
    ]);
    for (const guess of guesses) {
      const url = new URL(`${urls.gateway}/auth/v1/verify`);
      if (method === "GET") url.search = String(new URLSearchParams(Object.entries(guess)));
      const answer = await fetch(url, {
        method,
        redirect: "manual",
        headers: { apikey: inject("stack").keys.publishable ?? "", "Content-Type": "application/json" },
        ...(method === "POST" && { body: JSON.stringify(guess) }),
      });
      expect(answer.headers.get("location") ?? "", JSON.stringify(guess)).not.toContain("access_token");
      expect(await answer.text()).not.toContain("access_token");
    }
    expect(await isVerified(headers)).toBe(false);
    expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
  },
);

test("verifying an address creates no session", async () => {
  const { id, mail } = await newUser();
  await verify({ token: tokenOf(mail) });
  const [row] = await sql`select count(*)::int as sessions from auth.sessions where user_id = ${id}`;
  expect(row?.sessions).toBe(1);
});

test("a user id with its token verifies the address, and so does a user id with its code", async () => {
  const one = await newUser();
  const byToken = await verify({ user_id: one.id, verification_token: tokenOf(one.mail) });
  expect(byToken).toMatchObject({ status: 200, body: { email: one.email } });
  const two = await newUser();
  const byCode = await verify({ user_id: two.id, verification_token: codeOf(two.mail) });
  expect(byCode).toMatchObject({ status: 200, body: { email: two.email } });
});

test.each<[string, (code: string) => unknown]>([
  ["with a space, as the mail writes it", (code) => `${code.slice(0, 4)} ${code.slice(4)}`],
  ["with dashes and a newline", (code) => `${code.slice(0, 2)}-${code.slice(2, 5)}–${code.slice(5)}\r\n`],
  [
    "in full-width digits",
    (code) => code.replace(/./g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
  ],
  ["as a JSON number", Number],
])("a code %s verifies the address", async (_name, written) => {
  const { id, mail } = await newUser();
  const answer = await verify({ user_id: id, verification_token: written(codeOf(mail)) });
  expect(answer.status).toBe(200);
});

test("a token that a mail program has wrapped verifies the address, and a whole link counts as its token", async () => {
  const { mail } = await newUser();
  const link = /https?:\S+#token=\S+/.exec(mail.text)?.[0] ?? "";
  const broken = `${tokenOf(mail).slice(0, 40)}\r\n  ${tokenOf(mail).slice(40)}`;
  expect((await verify({ token: broken })).status).toBe(200);
  expect(errorOf(await verify({ token: link })).code).toBe("verification_token_used");
});

test("a reset token verifies no address, and a verification token sets no password", async () => {
  const { headers, email, project, mail } = await newUser();
  await api("/auth/request-password-reset", { headers: { "X-Project-ID": project.id }, json: { email } });
  const resetMail = await mailTo(email, "Set a new password");
  expect(errorOf(await verify({ token: tokenOf(resetMail) }))).toMatchObject({
    status: 400,
    code: "verification_token_invalid",
  });
  const reset = (token: string) =>
    api("/auth/reset-password", { json: { token, password: "Another-horse-8" } });
  expect(errorOf(await reset(tokenOf(mail)))).toMatchObject({ status: 400, code: "reset_token_invalid" });
  expect(await isVerified(headers)).toBe(false);
  // The wrong endpoint used up neither token.
  expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
  expect((await reset(tokenOf(resetMail))).status).toBe(200);
});

test("a stranger's request for a reset or a verification mail does not invalidate an unread link", async () => {
  const { id, email, project, mail } = await newUser();
  await api("/auth/request-password-reset", { headers: { "X-Project-ID": project.id }, json: { email } });
  await mailTo(email, "Set a new password");
  await forgetMailCounts(sql, "verification", id);
  await api(`/auth/request-verification?user_id=${id}`, { method: "POST" });
  await mailTo(email, subject, mail);
  expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
});

test("check-mail-token returns the purpose and state of a token without using it up", async () => {
  const { project, mail } = await newUser();
  const check = () => api("/auth/check-mail-token", { json: { token: tokenOf(mail) } });
  const about = { purpose: "verification", project: { id: project.id } };
  expect(await check()).toMatchObject({ status: 200, body: { ...about, state: "valid" } });
  await verify({ token: tokenOf(mail) });
  expect(await check()).toMatchObject({ status: 200, body: { ...about, state: "used" } });
  const unknown = await api("/auth/check-mail-token", { json: { token: "0".repeat(64) } });
  expect(errorOf(unknown)).toMatchObject({ status: 400, code: "mail_token_invalid" });
});

test("an IP address may send 100 wrong tokens and codes in total and then gets 429; valid ones do not count", async () => {
  const { mail } = await newUser();
  const served = await serve(createApi({}));
  const ask = (path: string, json: unknown) =>
    api(`${served.url}/api/v1/auth/${path}`, {
      // The API counts the last hop, and no other test uses this address.
      headers: { "X-Forwarded-For": "198.51.100.78" },
      json,
    });
  const attempts = [
    () => ask("verify-email", { token: "0".repeat(64) }),
    () => ask("verify-email", { user_id: crypto.randomUUID(), verification_token: "00000000" }),
    () => ask("reset-password", { token: "0".repeat(64), password: "Another-horse-8" }),
    () => ask("check-mail-token", { token: "0".repeat(64) }),
  ];
  try {
    for (let turn = 0; turn < 3; turn++)
      expect((await ask("check-mail-token", { token: tokenOf(mail) })).status).toBe(200);
    for (let turn = 0; turn < 25; turn++)
      for (const attempt of attempts) expect(errorOf(await attempt()).status).toBe(400);
    for (const attempt of attempts)
      expect(errorOf(await attempt())).toMatchObject({ status: 429, code: "attempts_exceeded" });
  } finally {
    await served.stop();
  }
  expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
});

test("a token of one account does not verify another account", async () => {
  const [one, two] = [await newUser(), await newUser()];
  const answer = await verify({ user_id: two.id, verification_token: tokenOf(one.mail) });
  expect(errorOf(answer)).toMatchObject({ status: 400, code: "verification_token_invalid" });
  expect(await isVerified(one.headers)).toBe(false);
  expect(await isVerified(two.headers)).toBe(false);
});

test("five wrong attempts invalidate a code, and a new mail brings a new one", async () => {
  const { id, email, mail } = await newUser();
  const wrong = wrongCode(codeOf(mail));
  const tried = await Promise.all(
    Array.from({ length: 5 }, () => verify({ user_id: id, verification_token: wrong })),
  );
  for (const answer of tried) expect(errorOf(answer)).toMatchObject({ status: 400 });
  const right = await verify({ user_id: id, verification_token: codeOf(mail) });
  expect(errorOf(right)).toMatchObject({ status: 400, code: "verification_token_invalid" });
  expect(right.body.detail).toContain("Request a new mail");
  await forgetMailCounts(sql, "verification", id);
  await api(`/auth/request-verification?user_id=${id}`, { method: "POST" });
  const newer = await mailTo(email, subject, mail);
  expect((await verify({ user_id: id, verification_token: codeOf(newer) })).status).toBe(200);
});

test("after 20 wrong codes an account gets 429 for more than a minute, and its link still verifies", async () => {
  const { id, headers, mail } = await newUser();
  const wrong = { user_id: id, verification_token: wrongCode(codeOf(mail)) };
  for (let guess = 0; guess < 20; guess++) expect(errorOf(await verify(wrong)).status).toBe(400);
  const answer = await verify(wrong);
  expect(errorOf(answer)).toMatchObject({ status: 429, code: "attempts_exceeded" });
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(60);
  // The limit on codes does not lock out whoever has the link.
  expect((await verify({ token: tokenOf(mail) })).status).toBe(200);
  expect(await isVerified(headers)).toBe(true);
});

test("a code for an unknown account gets the same answer as a wrong code", async () => {
  const { id } = await newUser();
  const [known, unknown] = [id, crypto.randomUUID()].map((userId) => ({
    user_id: userId,
    verification_token: "00000000",
  }));
  const answers = [errorOf(await verify(known)), errorOf(await verify(unknown))];
  expect(answers[0]).toEqual(answers[1]);
});

test("using one verification token invalidates the others of the account", async () => {
  const { id, email, headers, mail } = await newUser();
  await forgetMailCounts(sql, "verification", id);
  expect((await api("/auth/request-verification", { method: "POST", headers })).status).toBe(200);
  const newer = await mailTo(email, subject, mail);
  const answers = await Promise.all(
    [mail, newer].flatMap((one) => [verify({ token: tokenOf(one) }), verify({ token: tokenOf(one) })]),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
  expect(answers.filter(({ status }) => status === 400).map((answer) => errorOf(answer).code)).toEqual(
    Array(3).fill("verification_token_used"),
  );
});

test("an expired verification token or code is refused", async () => {
  const { id, mail } = await newUser();
  await sql`update private.mail_tokens set expires_at = now() where user_id = ${id}`;
  expect(errorOf(await verify({ token: tokenOf(mail) }))).toMatchObject({
    status: 400,
    code: "verification_token_invalid",
  });
  const late = await verify({ user_id: id, verification_token: codeOf(mail) });
  expect(errorOf(late).code).toBe("verification_token_invalid");
});

test("50 parallel uses of one verification token succeed once", async () => {
  const { mail } = await newUser();
  const token = tokenOf(mail);
  const answers = await Promise.all(Array.from({ length: 50 }, () => verify({ token })));
  expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  expect(answers.filter((answer) => answer.status === 400)).toHaveLength(49);
});
