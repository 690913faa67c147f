import { beforeAll, expect, inject, test } from "vitest";
import {
  api,
  errorOf,
  freshEmail,
  type Headed,
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
const subject = "Confirm your new address";

type Account = { id: string; email: string; headers: Headed };
const kinds = ["an end user", "a developer"] as const;
let projectHeaders: Record<(typeof kinds)[number], Headed>;
let project: Awaited<ReturnType<typeof registerDeveloper>>["project"];

beforeAll(async () => {
  ({ project } = await registerDeveloper());
  projectHeaders = { "an end user": { "X-Project-ID": project.id }, "a developer": {} };
});

const registerAccount = (kind: (typeof kinds)[number]): Promise<Account> =>
  kind === "an end user" ? registerEndUser(project) : registerDeveloper();

const ask = ({ headers }: Account, newEmail: string, secret = password) =>
  api("/auth/change-email", { headers, json: { password: secret, new_email: newEmail } });
const confirm = (token: string) => api("/auth/verify-email", { json: { token } });
const me = async ({ headers }: Account) => (await api("/auth/me", { headers })).body;

test.each(kinds)(
  "%s can change the email: after the confirmation the new one logs in and sessions continue",
  async (kind) => {
    const account = await registerAccount(kind);
    const address = freshEmail("New.Address");
    expect(await ask(account, address)).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    const mail = await mailTo(address, subject);
    expect((await mailTo(account.email, "A change of address was requested")).text).not.toContain(address);
    expect(await me(account)).toMatchObject({ email: account.email });
    expect((await login(account.email, projectHeaders[kind])).token).toBeTruthy();

    expect(await confirm(tokenOf(mail))).toMatchObject({ status: 200, body: { email: address } });
    expect(await me(account)).toMatchObject({ email: address, is_verified: true });
    expect((await login(address.toLowerCase(), projectHeaders[kind])).token).toBeTruthy();
    const old = await api("/auth/login", {
      headers: projectHeaders[kind],
      json: { email: account.email, password },
    });
    expect(errorOf(old).code).toBe("invalid_credentials");
    await mailTo(account.email, "has a new address");
    expect(errorOf(await confirm(tokenOf(mail))).code).toBe("verification_token_used");
    // The old email is free again.
    if (kind === "an end user") await registerEndUser(project, account.email);
  },
);

test.each(kinds)(
  "50 parallel confirmations by %s change the email once and notify the old address once",
  async (kind) => {
    const account = await registerAccount(kind);
    const address = freshEmail("once");
    await ask(account, address);
    const token = tokenOf(await mailTo(address, subject));
    const answers = await Promise.all(Array.from({ length: 50 }, () => confirm(token)));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expect(errorOf(answer).code).toBe("verification_token_used");
    expect(await me(account)).toMatchObject({ email: address });
    const [changed] = await sql`select count(*)::int as times from public.audit_events
    where resource = 'user' and resource_id = ${account.id} and changes ? 'email' and action = 'update'`;
    expect(changed?.times).toBe(1);
    await mailTo(account.email, "has a new address");
    const notices = (await mailsTo(account.email)).filter((mail) =>
      mail.subject.includes("has a new address"),
    );
    expect(notices).toHaveLength(1);
  },
);

test("the audit log records that an email was changed, and neither email", async () => {
  const account = await registerAccount("an end user");
  const address = freshEmail("audited");
  await ask(account, address);
  await confirm(tokenOf(await mailTo(address, subject)));
  const events =
    await sql`select changes from public.audit_events where resource_id = ${account.id} order by id`;
  expect(events.at(-1)?.changes).toMatchObject({ email: { redacted: true } });
  for (const email of [address, account.email]) expect(JSON.stringify(events)).not.toContain(email);
});

test("a change of email refuses a wrong password, the same email, a taken one and a second request within a minute", async () => {
  const account = await registerAccount("an end user");
  const other = await registerAccount("an end user");
  expect(errorOf(await ask(account, freshEmail("x"), "Wrong-horse-9"))).toMatchObject({
    status: 403,
    code: "wrong_password",
  });
  expect(errorOf(await ask(account, account.email.toUpperCase()))).toMatchObject({
    status: 422,
    code: "email_unchanged",
  });
  expect(errorOf(await ask(account, other.email))).toMatchObject({ status: 409, code: "account_exists" });
  expect((await ask(account, freshEmail("y"))).status).toBe(200);
  const again = await ask(account, freshEmail("z"));
  expect(errorOf(again)).toMatchObject({ status: 429, code: "mail_limit_exceeded" });
  expect(errorOf(await ask(account, "no address")).status).toBe(422);
  expect(
    errorOf(await api("/auth/change-email", { json: { password, new_email: freshEmail("n") } })).status,
  ).toBe(401);
});

test.each(kinds)(
  "%s cannot confirm an email that somebody else has registered meanwhile, and nothing changes",
  async (kind) => {
    const account = await registerAccount(kind);
    const address = freshEmail("wanted");
    await ask(account, address);
    const mail = await mailTo(address, subject);
    if (kind === "an end user") await registerEndUser(project, address);
    else await registerDeveloper(address);
    expect(errorOf(await confirm(tokenOf(mail)))).toMatchObject({ status: 409, code: "account_exists" });
    expect(await me(account)).toMatchObject({ email: account.email });
  },
);

test.each<[string, (account: Account, address: string) => Promise<unknown>]>([
  [
    "a newer request",
    async (account) => {
      await forgetMailCounts(sql, "email_change", account.id);
      expect((await ask(account, freshEmail("newer"))).status).toBe(200);
    },
  ],
  [
    "a new password",
    ({ headers }) =>
      api("/auth/change-password", {
        headers,
        json: { current_password: password, new_password: "Safer-horse-9" },
      }),
  ],
  [
    "expiry after a day",
    (account) => sql`update private.email_changes set expires_at = now() where user_id = ${account.id}`,
  ],
])("%s ends an unconfirmed change of email", async (_name, endRequest) => {
  const account = await registerAccount("a developer");
  const address = freshEmail("ended");
  await ask(account, address);
  const mail = await mailTo(address, subject);
  await endRequest(account, address);
  expect(errorOf(await confirm(tokenOf(mail))).code).toBe("verification_token_invalid");
  expect(await me(account)).toMatchObject({ email: account.email });
});

test("links mailed to the old email are invalid after a change of email", async () => {
  const account = await registerAccount("an end user");
  const first = await mailTo(account.email, "Confirm your address");
  await api("/auth/request-password-reset", {
    headers: projectHeaders["an end user"],
    json: { email: account.email },
  });
  const resetMail = await mailTo(account.email, "Set a new password");
  const address = freshEmail("moved");
  await ask(account, address);
  await confirm(tokenOf(await mailTo(address, subject)));
  expect(errorOf(await confirm(tokenOf(first))).status).toBe(400);
  const reset = await api("/auth/reset-password", {
    json: { token: tokenOf(resetMail), password: "Thief-horse-9" },
  });
  expect(errorOf(reset).status).toBe(400);
  expect((await login(address, projectHeaders["an end user"])).token).toBeTruthy();
});

test("PUT /user of Auth does not change a developer's email, with or without a request at the API", async () => {
  const account = await registerAccount("a developer");
  const address = freshEmail("smuggled");
  const direct = () =>
    fetch(`${urls.gateway}/auth/v1/user`, {
      method: "PUT",
      headers: {
        apikey: inject("stack").keys.publishable ?? "",
        Authorization: account.headers.Authorization ?? "",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ email: address }),
    });
  await direct();
  await ask(account, address);
  await mailTo(address, subject);
  await direct();
  expect(await me(account)).toMatchObject({ email: account.email });
  expect((await login(account.email)).token).toBeTruthy();
  expect((await mailsTo(address)).filter((mail) => !mail.subject.includes(subject))).toEqual([]);
});
