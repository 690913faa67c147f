import { describe, expect, inject, test } from "vitest";
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

const sql = openDatabase();

test("50 parallel registrations of one email make one account, and 49 answer 409", async () => {
  const { project } = await registerDeveloper();
  const email = freshEmail("race");
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      api("/auth/register", {
        headers: project.headers,
        json: { email: index % 2 === 0 ? email : email.toUpperCase(), password },
      }),
    ),
  );
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(1);
  const refused = answers.filter((answer) => answer.status === 409);
  expect(refused).toHaveLength(49);
  for (const answer of refused) expect(errorOf(answer).detail).toContain("already exists");
  const [row] = await sql`
    select count(*)::int as accounts, (select count(*)::int from auth.users a where a.email like '%@' || ${project.id} || '.users.invalid') as users
    from public.users where project_id = ${project.id}`;
  expect(row).toEqual({ accounts: 1, users: 1 });
});

describe("emails", () => {
  test("an email with a plus tag is another account than the one without", async () => {
    const { project } = await registerDeveloper();
    const email = freshEmail("plus");
    await registerEndUser(project, email);
    const { email: other } = await registerEndUser(project, email.replace("@", "+shop@"));
    expect(other).toContain("+shop@");
  });

  test.each([
    "",
    "nobody",
    "a@",
    "@b.c",
    "a b@c.d",
    "a@b@c.d",
    "a@b\u0000.c",
    `${"x".repeat(320)}@example.com`,
  ])("registration refuses the email %j and names the field", async (email) => {
    const { project } = await registerDeveloper();
    const answer = await api("/auth/register", { headers: project.headers, json: { email, password } });
    expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
    expect(answer.body.errors[0].loc).toEqual(["body", "email"]);
  });
});

test("users can change and clear their own name, and no other field", async () => {
  const { project } = await registerDeveloper();
  const { headers, id, email } = await registerEndUser(project);
  const patch = (json: unknown) => api("/auth/me", { method: "PATCH", headers, json });
  expect((await patch({ full_name: "Ada Lovelace" })).body).toMatchObject({ id, full_name: "Ada Lovelace" });
  const answer = await patch({ role: "operator", email: "other@example.com", is_verified: true });
  expect(answer.body).toMatchObject({
    email,
    role: "end_user",
    full_name: "Ada Lovelace",
    is_verified: false,
  });
  expect((await patch({ full_name: null })).body.full_name).toBeNull();
  expect(errorOf(await patch({ full_name: "x".repeat(256) })).status).toBe(422);
});

describe("spellings of an email", () => {
  const nonce = () => `${process.pid}${Date.now()}`;
  type Spelling = (n: string) => string;
  test.each<[string, registered: Spelling, other: Spelling, stored: Spelling]>([
    ["capitals", (n) => `Ada${n}@Example.COM`, (n) => `ADA${n}@EXAMPLE.COM`, (n) => `Ada${n}@example.com`],
    [
      "surrounding white space",
      (n) => `  grace${n}@example.com  `,
      (n) => `grace${n}@example.com`,
      (n) => `grace${n}@example.com`,
    ],
    [
      "capitals outside ASCII",
      (n) => `ÄRA${n}@example.com`,
      (n) => `ära${n}@example.com`,
      (n) => `ÄRA${n}@example.com`,
    ],
    [
      "a Greek final sigma",
      (n) => `ΝΙΚΟΣ.${n}.ΝΙΚΟΣ@example.com`,
      (n) => `νικος.${n}.νικος@example.com`,
      (n) => `ΝΙΚΟΣ.${n}.ΝΙΚΟΣ@example.com`,
    ],
    [
      "a dotted capital I",
      (n) => `İ${n}@example.com`,
      (n) => `İ${n}@Example.com`,
      (n) => `İ${n}@example.com`,
    ],
    [
      "composed and decomposed letters",
      (n) => `jose\u0301${n}@example.com`,
      (n) => `jos\u00e9${n}@example.com`,
      (n) => `jos\u00e9${n}@example.com`,
    ],
    [
      "punycode and Unicode",
      (n) => `a${n}@xn--bcher-kva.example`,
      (n) => `a${n}@BÜCHER.example`,
      (n) => `a${n}@xn--bcher-kva.example`,
    ],
    [
      "full-width letters",
      (n) => `w${n}@example.com`,
      (n) => ` w${n}@ｅｘａｍｐｌｅ.com `,
      (n) => `w${n}@example.com`,
    ],
  ])(
    "an email spelt with %s logs in to the same account and cannot register again",
    async (_name, one, other, stored) => {
      const n = nonce();
      const { project } = await registerDeveloper();
      const callers: { register: Record<string, string>; login: Record<string, string> }[] = [
        { register: project.headers, login: { "X-Project-ID": project.id } },
        { register: { "X-Operator-Key": inject("stack").credentials.operator_key ?? "" }, login: {} },
      ];
      for (const caller of callers) {
        const registered = await api("/auth/register", {
          headers: caller.register,
          json: { email: one(n), password },
        });
        expect(registered.status, JSON.stringify(registered.body)).toBe(201);
        expect(registered.body.email).toBe(stored(n));
        expect(registered.body.access_token).toEqual(expect.any(String));
        for (const email of [one(n), other(n)]) {
          const signedIn = await api("/auth/login", { headers: caller.login, json: { email, password } });
          expect(signedIn.status, email).toBe(200);
          const again = await api("/auth/register", { headers: caller.register, json: { email, password } });
          expect(errorOf(again).code).toBe("account_exists");
        }
      }
    },
  );

  test.each(["a<victim@example.com>", "a@b", "a@example.com.", "a\u202e@example.com", "a@localhost"])(
    "registration, login and password reset refuse the email %j",
    async (email) => {
      const { project } = await registerDeveloper();
      const headers = project.headers;
      for (const [path, json] of [
        ["/auth/register", { email, password }],
        ["/auth/login", { email, password }],
        ["/auth/request-password-reset", { email }],
      ] as const) {
        expect(errorOf(await api(path, { headers, json }))).toMatchObject({ status: 422 });
      }
    },
  );
});

test("a password matches in either Unicode form, and a longer one than its 72 bytes does not match", async () => {
  const { project } = await registerDeveloper();
  const headers = project.headers;
  const projectHeaders = { "X-Project-ID": project.id };
  const email = freshEmail("letters");
  const signIn = (secret: string) =>
    api("/auth/login", { headers: projectHeaders, json: { email, password: secret } });
  const json = { email, password: "Cafe\u0301-horse-9" };
  expect((await api("/auth/register", { headers, json })).status).toBe(201);
  expect((await signIn("Café-horse-9")).status).toBe(200);
  expect((await signIn("Cafe\u0301-horse-9")).status).toBe(200);
  expect((await signIn(" Café-horse-9")).status).toBe(401);

  const long = { email: freshEmail("long"), password: "Aa1".repeat(24) };
  expect((await api("/auth/register", { headers, json: long })).status).toBe(201);
  const tried = (secret: string) =>
    api("/auth/login", { headers: projectHeaders, json: { ...long, password: secret } });
  expect((await tried(long.password)).status).toBe(200);
  expect(errorOf(await tried(`${long.password}anything`))).toMatchObject({
    status: 401,
    code: "invalid_credentials",
  });
});

test("a user whose password was hashed before normalisation can still log in", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const old = "Cafe\u0301-horse-9";
  await sql.begin(async (tx) => {
    await tx`select private.permit_password(${user.id}, null)`;
    await tx`update auth.users set encrypted_password = extensions.crypt(${old}, extensions.gen_salt('bf', 4)) where id = ${user.id}`;
  });
  await login(user.email, { "X-Project-ID": project.id }, old);
});
