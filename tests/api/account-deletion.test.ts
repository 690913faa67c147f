import { describe, expect, inject, test } from "vitest";
import { api, errorOf, freshEmail, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase } from "../support/management.ts";
import { until } from "../support/until.ts";

const { keys, urls } = inject("stack");
const sql = openDatabase();

const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;
const reconcile = () =>
  api("/internal/reconcile", { method: "POST", headers: { Authorization: `Bearer ${keys.cron_secret}` } });

describe("deleting one's own account", () => {
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
