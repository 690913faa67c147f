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
import { forgetMail } from "../support/attempts.ts";
import { mailsTo, mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const { urls } = inject("stack");
const sql = openDatabase();
const subject = "Confirm your new address";

type Person = { id: string; email: string; headers: Headed };
const kinds = ["an end user", "a developer"] as const;
let named: Record<(typeof kinds)[number], Headed>;
let project: Awaited<ReturnType<typeof registerDeveloper>>["project"];

beforeAll(async () => {
  ({ project } = await registerDeveloper());
  named = { "an end user": { "X-Project-ID": project.id }, "a developer": {} };
});

const somebody = (kind: (typeof kinds)[number]): Promise<Person> =>
  kind === "an end user" ? registerEndUser(project) : registerDeveloper();

const ask = ({ headers }: Person, newEmail: string, secret = password) =>
  api("/auth/change-email", { headers, json: { password: secret, new_email: newEmail } });
const confirm = (token: string) => api("/auth/verify-email", { json: { token } });
const me = async ({ headers }: Person) => (await api("/auth/me", { headers })).body;

test.each(kinds)(
  "%s can change the email: after the confirmation the new one logs in and sessions continue",
  async (kind) => {
    const person = await somebody(kind);
    const address = freshEmail("New.Address");
    expect(await ask(person, address)).toMatchObject({ status: 200, body: { message: expect.any(String) } });
    const mail = await mailTo(address, subject);
    expect((await mailTo(person.email, "A new address was asked for")).text).not.toContain(address);
    expect(await me(person)).toMatchObject({ email: person.email });
    expect((await login(person.email, named[kind])).token).toBeTruthy();

    expect(await confirm(tokenOf(mail))).toMatchObject({ status: 200, body: { email: address } });
    expect(await me(person)).toMatchObject({ email: address, is_verified: true });
    expect((await login(address.toLowerCase(), named[kind])).token).toBeTruthy();
    const old = await api("/auth/login", { headers: named[kind], json: { email: person.email, password } });
    expect(errorOf(old).code).toBe("invalid_credentials");
    await mailTo(person.email, "has a new address");
    expect(errorOf(await confirm(tokenOf(mail))).code).toBe("verification_token_used");
    // The old email is free again.
    if (kind === "an end user") await registerEndUser(project, person.email);
  },
);

test.each(kinds)(
  "50 parallel confirmations by %s change the email once and notify the old address once",
  async (kind) => {
    const person = await somebody(kind);
    const address = freshEmail("once");
    await ask(person, address);
    const token = tokenOf(await mailTo(address, subject));
    const answers = await Promise.all(Array.from({ length: 50 }, () => confirm(token)));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expect(errorOf(answer).code).toBe("verification_token_used");
    expect(await me(person)).toMatchObject({ email: address });
    const [changed] = await sql`select count(*)::int as times from public.audit_events
    where resource = 'user' and resource_id = ${person.id} and changes ? 'email' and action = 'update'`;
    expect(changed?.times).toBe(1);
    await mailTo(person.email, "has a new address");
    const notices = (await mailsTo(person.email)).filter((mail) =>
      mail.subject.includes("has a new address"),
    );
    expect(notices).toHaveLength(1);
  },
);

test("the audit log records that an email was changed, and neither email", async () => {
  const person = await somebody("an end user");
  const address = freshEmail("audited");
  await ask(person, address);
  await confirm(tokenOf(await mailTo(address, subject)));
  const events =
    await sql`select changes from public.audit_events where resource_id = ${person.id} order by id`;
  expect(events.at(-1)?.changes).toMatchObject({ email: { redacted: true } });
  expect(JSON.stringify(events)).not.toContain(address);
});

test("a change of email refuses a wrong password, the same email, a taken one and a second request within a minute", async () => {
  const person = await somebody("an end user");
  const other = await somebody("an end user");
  expect(errorOf(await ask(person, freshEmail("x"), "Wrong-horse-9"))).toMatchObject({
    status: 403,
    code: "wrong_password",
  });
  expect(errorOf(await ask(person, person.email.toUpperCase()))).toMatchObject({
    status: 422,
    code: "email_unchanged",
  });
  expect(errorOf(await ask(person, other.email))).toMatchObject({ status: 409, code: "account_exists" });
  expect((await ask(person, freshEmail("y"))).status).toBe(200);
  const again = await ask(person, freshEmail("z"));
  expect(errorOf(again)).toMatchObject({ status: 429, code: "mail_limit_exceeded" });
  expect(errorOf(await ask(person, "no address")).status).toBe(422);
  expect(
    errorOf(await api("/auth/change-email", { json: { password, new_email: freshEmail("n") } })).status,
  ).toBe(401);
});

test.each(kinds)(
  "%s cannot confirm an email that somebody else has registered meanwhile, and nothing changes",
  async (kind) => {
    const person = await somebody(kind);
    const address = freshEmail("wanted");
    await ask(person, address);
    const mail = await mailTo(address, subject);
    if (kind === "an end user") await registerEndUser(project, address);
    else await registerDeveloper(address);
    expect(errorOf(await confirm(tokenOf(mail)))).toMatchObject({ status: 409, code: "account_exists" });
    expect(await me(person)).toMatchObject({ email: person.email });
  },
);

test.each<[string, (person: Person, address: string) => Promise<unknown>]>([
  [
    "a newer request",
    async (person) => {
      await forgetMail(sql, "email_change", person.id);
      expect((await ask(person, freshEmail("newer"))).status).toBe(200);
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
    (person) => sql`update private.email_changes set expires_at = now() where user_id = ${person.id}`,
  ],
])("%s ends an unconfirmed change of email", async (_name, happens) => {
  const person = await somebody("a developer");
  const address = freshEmail("ended");
  await ask(person, address);
  const mail = await mailTo(address, subject);
  await happens(person, address);
  expect(errorOf(await confirm(tokenOf(mail))).code).toBe("verification_token_invalid");
  expect(await me(person)).toMatchObject({ email: person.email });
});

test("links mailed to the old email are invalid after a change of email", async () => {
  const person = await somebody("an end user");
  const first = await mailTo(person.email, "Confirm your address");
  await api("/auth/request-password-reset", { headers: named["an end user"], json: { email: person.email } });
  const resetMail = await mailTo(person.email, "Set a new password");
  const address = freshEmail("moved");
  await ask(person, address);
  await confirm(tokenOf(await mailTo(address, subject)));
  expect(errorOf(await confirm(tokenOf(first))).status).toBe(400);
  const reset = await api("/auth/reset-password", {
    json: { token: tokenOf(resetMail), password: "Thief-horse-9" },
  });
  expect(errorOf(reset).status).toBe(400);
  expect((await login(address, named["an end user"])).token).toBeTruthy();
});

test("PUT /user of Auth does not change a developer's email, with or without a request at the API", async () => {
  const person = await somebody("a developer");
  const address = freshEmail("smuggled");
  const direct = () =>
    fetch(`${urls.gateway}/auth/v1/user`, {
      method: "PUT",
      headers: {
        apikey: inject("stack").keys.publishable ?? "",
        Authorization: person.headers.Authorization ?? "",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ email: address }),
    });
  await direct();
  await ask(person, address);
  await mailTo(address, subject);
  await direct();
  expect(await me(person)).toMatchObject({ email: person.email });
  expect((await login(person.email)).token).toBeTruthy();
  expect((await mailsTo(address)).filter((mail) => !mail.subject.includes(subject))).toEqual([]);
});
