import { expect, inject, test } from "vitest";
import { api, errorOf, login, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase } from "../support/management.ts";

const { urls, keys } = inject("stack");
const sql = openDatabase();

async function signedInTwice() {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const device = { "X-Project-ID": project.id, "User-Agent": "Second device" };
  return { project, user, second: await login(user.email, device) };
}

const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;
const refresh = async (refreshToken: string) =>
  (await api("/auth/refresh", { json: { refresh_token: refreshToken } })).status;

/** The number of accounts that the token reads through PostgREST: one while it is valid, then none. */
async function seenByRest(token: string): Promise<number> {
  const response = await fetch(`${urls.gateway}/rest/v1/users?select=id`, {
    headers: { apikey: keys.publishable ?? "", Authorization: `Bearer ${token}` },
  });
  return ((await response.json()) as unknown[]).length;
}

test("sessions are listed newest first with device and IP address, and the current one is marked", async () => {
  const { user, second } = await signedInTwice();
  const { status, body } = await api<Record<string, unknown>[]>("/auth/sessions", {
    headers: second.headers,
  });
  expect(status).toBe(200);
  expect(body).toHaveLength(2);
  expect(body[0]).toMatchObject({ device: "Second device", ip: "127.0.0.1", current: true });
  expect(body[1]).toMatchObject({ current: false });
  expect(body[0]?.id).not.toBe(body[1]?.id);
  const week = Date.parse(String(body[0]?.expires_at)) - Date.parse(String(body[0]?.created_at));
  expect(week).toBeGreaterThan(0);
  expect(week).toBeLessThanOrEqual(7 * 24 * 3_600_000);
  expect(user.token).not.toBe(second.token);
});

test("a revoked session ends at once for the API, for PostgREST and for its refresh token", async () => {
  const { user, second } = await signedInTwice();
  expect(await me(second.token)).toBe(200);
  expect(await seenByRest(second.token)).toBe(1);
  const { body } = await api<{ id: string; current: boolean }[]>("/auth/sessions", { headers: user.headers });
  const other = body.find((session) => !session.current)?.id;
  const revoked = await api(`/auth/sessions/${other}`, { method: "DELETE", headers: user.headers });
  expect(revoked.status).toBe(204);
  expect(await me(second.token)).toBe(401);
  expect(await seenByRest(second.token)).toBe(0);
  expect(await refresh(second.refresh_token)).toBe(401);
  expect(await me(user.token)).toBe(200);
});

test("revoking another user's or an unknown session answers 404", async () => {
  const { user, second } = await signedInTwice();
  const stranger = await signedInTwice();
  const { body } = await api<{ id: string }[]>("/auth/sessions", { headers: second.headers });
  for (const id of [body[0]?.id, crypto.randomUUID()]) {
    const answer = await api(`/auth/sessions/${id}`, { method: "DELETE", headers: stranger.user.headers });
    expect(errorOf(answer)).toMatchObject({ status: 404, code: "session_not_found" });
  }
  expect(await me(user.token)).toBe(200);
});

test.each([
  ["no scope", {}, 401, 200],
  ["scope local", { json: { scope: "local" } }, 401, 200],
  ["scope others", { json: { scope: "others" } }, 200, 401],
  ["scope global", { json: { scope: "global" } }, 401, 401],
])("logout with %s ends exactly the sessions of that scope", async (_name, init, own, others) => {
  const { user, second } = await signedInTwice();
  const answer = await api("/auth/logout", { method: "POST", headers: user.headers, ...init });
  expect(answer.status).toBe(204);
  expect([await me(user.token), await me(second.token)]).toEqual([own, others]);
  expect(await refresh(user.refresh_token)).toBe(own);
  expect(await refresh(second.refresh_token)).toBe(others);
  expect(await seenByRest(user.token)).toBe(own === 200 ? 1 : 0);
});

test("logout refuses an unknown scope and ends no session", async () => {
  const { user } = await signedInTwice();
  const answer = await api("/auth/logout", { headers: user.headers, json: { scope: "everything" } });
  expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  expect(await me(user.token)).toBe(200);
});

const atAuth = (id: string, json: object) =>
  fetch(`${urls.gateway}/auth/v1/admin/users/${id}`, {
    method: "PUT",
    headers: { apikey: keys.secret ?? "", "Content-Type": "application/json" },
    body: JSON.stringify(json),
  });

test("a ban in Studio ends every session at once, and lifting it allows logins again", async () => {
  const { project, user, second } = await signedInTwice();
  expect((await atAuth(user.id, { ban_duration: "24h" })).status).toBe(200);
  for (const { token, refresh_token } of [user, second]) {
    expect(await me(token)).toBe(401);
    expect(await seenByRest(token)).toBe(0);
    expect(await refresh(refresh_token)).toBe(401);
  }
  await atAuth(user.id, { ban_duration: "none" });
  expect((await login(user.email, { "X-Project-ID": project.id })).token).toBeTruthy();
});

test.each<[string, (project: string, on: boolean) => Promise<unknown>, refresh: string, login: string]>([
  [
    "a deactivated project",
    (id, on) => sql`update public.projects set is_active = ${on} where id = ${id}`,
    "project_inactive",
    "project_inactive",
  ],
  [
    "a deleted project",
    (id, on) => sql`update public.projects set deleted_at = ${on ? null : new Date()} where id = ${id}`,
    "project_inactive",
    "project_not_found",
  ],
  [
    "a project that requires verification",
    (id, on) =>
      sql`update public.projects set email_verification = ${on ? "optional" : "required"} where id = ${id}`,
    "account_not_verified",
    "account_not_verified",
  ],
])("%s refuses logins and refreshes, and keeps the sessions", async (_name, set, refreshCode, loginCode) => {
  const { project, user } = await signedInTwice();
  await set(project.id, false);
  for (let at = 0; at < 2; at++) {
    const refused = await api("/auth/refresh", { json: { refresh_token: user.refresh_token } });
    expect(errorOf(refused).code).toBe(refreshCode);
  }
  const json = { email: user.email, password };
  const signIn = await api("/auth/login", { headers: { "X-Project-ID": project.id }, json });
  expect(errorOf(signIn).code).toBe(loginCode);
  const [row] = await sql`select count(*)::int as sessions from auth.sessions where user_id = ${user.id}`;
  expect(row?.sessions).toBe(2);
  await set(project.id, true);
  expect(await refresh(user.refresh_token)).toBe(200);
});

test("a soft deletion in Studio ends every session and deactivates the account", async () => {
  const { user, second } = await signedInTwice();
  // The statement of Supabase Auth for a soft deletion.
  await sql`
    update auth.users set email = 'scrambled-' || id, email_change = 'scrambled', phone = null, encrypted_password = '',
      recovery_token = '', deleted_at = now(), updated_at = now()
    where id = ${user.id}`;
  for (const { token, refresh_token } of [user, second]) {
    expect(await me(token)).toBe(401);
    expect(await refresh(refresh_token)).toBe(401);
  }
  const [row] =
    await sql`select deactivated_at is not null as closed from public.users where id = ${user.id}`;
  expect(row?.closed).toBe(true);
});

test("users cannot store more than 4 kB of metadata at Auth, which would make their tokens grow", async () => {
  const { user } = await signedInTwice();
  const change = async (bytes: number) =>
    fetch(`${urls.gateway}/auth/v1/user`, {
      method: "PUT",
      headers: {
        apikey: keys.publishable ?? "",
        Authorization: `Bearer ${user.token}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ data: { note: "x".repeat(bytes) } }),
    });
  expect((await change(100_000)).status).toBeGreaterThanOrEqual(400);
  const [row] =
    await sql`select length(raw_user_meta_data::text) as bytes from auth.users where id = ${user.id}`;
  expect(row?.bytes).toBeLessThanOrEqual(4_096);
  expect((await change(100)).status).toBe(200);
});
