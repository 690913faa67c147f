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
import { until } from "../support/until.ts";

const { keys, urls } = inject("stack");
const sql = openDatabase();

const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;
const reconcile = () =>
  api("/internal/reconcile", { method: "POST", headers: { Authorization: `Bearer ${keys.cron_secret}` } });

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

describe("deletion of the own account", () => {
  const remove = (headers: Record<string, string>, secret: string) =>
    api("/auth/me", { method: "DELETE", headers, json: { password: secret } });

  test("deleting one's own account needs the password", async () => {
    const { project } = await registerDeveloper();
    const { headers, token } = await registerEndUser(project);
    expect(errorOf(await remove(headers, "Wrong-horse-9"))).toMatchObject({
      status: 403,
      code: "wrong_password",
    });
    expect(errorOf(await api("/auth/me", { method: "DELETE", headers, json: {} })).status).toBe(422);
    expect(await me(token)).toBe(200);
  });

  test("deleting one's own account leaves no row, session or generation, and frees the email", async () => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    const generation = await api("/generation/generate-v2", {
      headers: user.headers,
      json: { prompt: "A kite" },
    });
    expect(generation.status).toBe(200);
    expect((await remove(user.headers, password)).status).toBe(204);
    expect(await me(user.token)).toBe(401);
    expect((await api("/auth/refresh", { json: { refresh_token: user.refresh_token } })).status).toBe(401);
    const [left] = await sql`
      select (select count(*)::int from auth.users where id = ${user.id}) as users,
        (select count(*)::int from public.users where id = ${user.id}) as accounts,
        (select count(*)::int from auth.sessions where user_id = ${user.id}) as sessions,
        (select count(*)::int from auth.refresh_tokens where user_id::text = ${user.id}) as tokens,
        (select count(*)::int from public.generations where user_id = ${user.id}) as generations,
        (select count(*)::int from private.mail_outbox where user_id = ${user.id}) as mails`;
    expect(Object.values(left ?? {})).toEqual([0, 0, 0, 0, 0, 0]);
    expect((await registerEndUser(project, user.email)).id).not.toBe(user.id);
  });

  test("deleting a developer's own account deletes the projects, the keys and the end users' accounts", async () => {
    const developer = await registerDeveloper();
    const user = await registerEndUser(developer.project);
    expect((await remove(developer.headers, password)).status).toBe(204);
    expect(await me(user.token)).toBe(401);
    const [left] = await sql`
      select (select count(*)::int from public.projects where owner_id = ${developer.id}) as projects,
        (select count(*)::int from public.developer_keys where user_id = ${developer.id}) as keys,
        (select count(*)::int from public.users where id = ${user.id}) as accounts`;
    expect(Object.values(left ?? {})).toEqual([0, 0, 0]);
    const again = await api("/auth/register", {
      headers: developer.project.headers,
      json: { email: freshEmail(), password },
    });
    expect(errorOf(again)).toMatchObject({ status: 403, code: "developer_key_invalid" });
  });
});

describe("deleting an end user", () => {
  const remove = (headers: Record<string, string>, project: string, user: string) =>
    api(`/projects/${project}/users/${user}`, { method: "DELETE", headers });

  test("the developer of a project can delete its end users", async () => {
    const { headers, project } = await registerDeveloper();
    const user = await registerEndUser(project);
    expect((await remove(headers, project.id, user.id)).status).toBe(204);
    expect(await me(user.token)).toBe(401);
    expect(errorOf(await remove(headers, project.id, user.id))).toMatchObject({
      status: 404,
      code: "user_not_found",
    });
  });

  test("a developer cannot delete developers or another project's users, and an end user can delete nobody", async () => {
    const [one, two] = [await registerDeveloper(), await registerDeveloper()];
    const user = await registerEndUser(two.project);
    const tries: [string, string, string][] = [
      [two.project.id, user.id, "project_not_found"],
      [one.project.id, user.id, "user_not_found"],
      [one.project.id, two.id, "user_not_found"],
      [one.project.id, one.id, "user_not_found"],
    ];
    for (const [project, id, code] of tries) {
      expect(errorOf(await remove(one.headers, project, id))).toMatchObject({ status: 404, code });
    }
    expect(errorOf(await remove(user.headers, two.project.id, user.id))).toMatchObject({
      status: 403,
      code: "developers_only",
    });
    expect(await me(user.token)).toBe(200);
  });
});

test("deactivating an account ends its sessions, tokens, logins and direct reads at once", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  await sql`update public.users set deactivated_at = now() where id = ${user.id}`;
  const [row] = await sql`select count(*)::int as sessions from auth.sessions where user_id = ${user.id}`;
  expect(row?.sessions).toBe(0);
  expect(await me(user.token)).toBe(401);
  expect((await api("/auth/refresh", { json: { refresh_token: user.refresh_token } })).status).toBe(401);
  const headers = { "X-Project-ID": project.id };
  const again = await api("/auth/login", { headers, json: { email: user.email, password } });
  expect(errorOf(again)).toMatchObject({ status: 403, code: "account_deactivated" });
  const rest = await fetch(`${urls.gateway}/rest/v1/users?select=id`, {
    headers: { apikey: keys.publishable ?? "", Authorization: `Bearer ${user.token}` },
  });
  expect(await rest.json()).toEqual([]);
});

test("deactivating a developer locks out the developer's keys and end users", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  await sql`update public.users set deactivated_at = now() where id = ${developer.id}`;
  expect(await me(developer.token)).toBe(401);
  expect((await api("/auth/me", { headers: { Authorization: `Bearer ${user.token}` } })).status).toBe(403);
  const registration = await api("/auth/register", {
    headers: developer.project.headers,
    json: { email: freshEmail(), password },
  });
  expect(registration.status).toBe(403);
  const projectHeaders = { "X-Project-ID": developer.project.id };
  const again = await api("/auth/login", { headers: projectHeaders, json: { email: user.email, password } });
  expect(errorOf(again)).toMatchObject({ status: 403, code: "project_inactive" });
});

test("the reconciler deletes old users of Auth without an account, and no others", async () => {
  const admin = (path: string, init: RequestInit = {}) =>
    fetch(`${urls.gateway}/auth/v1/admin/users${path}`, {
      ...init,
      headers: { apikey: keys.secret ?? "", "Content-Type": "application/json" },
    });
  const orphan = async () => {
    const body = JSON.stringify({ email: freshEmail("orphan"), password, email_confirm: true });
    return ((await (await admin("", { method: "POST", body })).json()) as { id: string }).id;
  };
  const [old, young] = [await orphan(), await orphan()];
  const { id: kept } = await registerEndUser((await registerDeveloper()).project);
  await sql`update auth.users set created_at = now() - interval '2 hours' where id in (${old}, ${kept})`;
  await until("the old orphan is deleted", async () => {
    expect((await reconcile()).status).toBe(200);
    const [row] = await sql`select count(*)::int as count from auth.users where id = ${old}`;
    return row?.count === 0;
  });
  const left = await sql`select id from auth.users where id in (${young}, ${kept})`;
  expect(left.map((row) => row.id).sort()).toEqual([young, kept].sort());
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
