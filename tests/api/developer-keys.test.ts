import { expect, test } from "vitest";
import {
  api,
  type Developer,
  errorOf,
  type Headed,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { mailsTo, mailTo } from "../support/mail.ts";
import { openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();

const create = (developer: Developer, json: unknown = {}, headers: Headed = {}) =>
  api("/auth/developer-keys", { headers: { ...developer.headers, ...headers }, json });
const list = async (developer: Developer) =>
  (await api<Record<string, unknown>[]>("/auth/developer-keys", { headers: developer.headers })).body;
const revoke = (developer: Developer, id: string, headers: Headed = {}) =>
  api(`/auth/developer-keys/${id}`, { method: "DELETE", headers: { ...developer.headers, ...headers } });
const projectsWith = (key: string, headers: Headed = {}) =>
  api("/projects", { headers: { "X-Developer-Key": key, ...headers } });

test("only the create of a developer key shows the whole key; the list shows its prefix", async () => {
  const developer = await registerDeveloper();
  const { status, body } = await create(developer, { name: "Server", management: true });
  expect(status).toBe(201);
  expect(body).toMatchObject({ name: "Server", management: true, is_active: true, last_used_at: null });
  expect(body.key).toMatch(/^ak_[\w-]{32}$/);
  expect(body.key_prefix).toBe(body.key.slice(0, 8));
  const keys = await list(developer);
  expect(keys.map((key) => key.name)).toEqual(["Server", "Provisioned at registration"]);
  expect(JSON.stringify(keys)).not.toContain(body.key);
  for (const key of keys) expect(Object.keys(key)).not.toContain("key");
});

test("only a management key works without a token, and never from a browser", async () => {
  const developer = await registerDeveloper();
  const { body: plain } = await create(developer);
  const { body: strong } = await create(developer, { management: true });
  expect(errorOf(await projectsWith(plain.key))).toMatchObject({
    status: 401,
    code: "management_key_required",
  });
  expect((await projectsWith(strong.key)).status).toBe(200);
  const browser = await projectsWith(strong.key, { Origin: "https://example.com" });
  expect(errorOf(browser)).toMatchObject({ status: 403, code: "key_not_for_browsers" });
});

test("a management key can neither manage developer keys nor read the account", async () => {
  const { body: strong } = await create(await registerDeveloper(), { management: true });
  const headers = { "X-Developer-Key": strong.key };
  for (const path of ["/auth/developer-keys", "/auth/me", "/auth/sessions"]) {
    expect(errorOf(await api(path, { headers }))).toMatchObject({ status: 401, code: "not_authenticated" });
  }
});

test("an expired developer key is refused and listed as inactive, and an expiry in the past is refused", async () => {
  const developer = await registerDeveloper();
  const past = await create(developer, { expires_at: "2020-01-01T00:00:00Z" });
  expect(errorOf(past)).toMatchObject({ status: 422, code: "validation_failed" });
  const expires_at = "2099-01-01T00:00:00.000000Z";
  const { body } = await create(developer, { management: true, expires_at });
  expect(body.expires_at).toBe(expires_at);
  expect((await projectsWith(body.key)).status).toBe(200);
  await sql`update public.developer_keys set expires_at = now() where id = ${body.id}`;
  expect(errorOf(await projectsWith(body.key))).toMatchObject({ status: 403, code: "developer_key_expired" });
  expect((await list(developer)).find((key) => key.id === body.id)).toMatchObject({ is_active: false });
});

test("a developer has at most ten active keys, with parallel creates too", async () => {
  const developer = await registerDeveloper();
  const answers = await Promise.all(Array.from({ length: 15 }, () => create(developer)));
  expect(answers.filter((answer) => answer.status === 201)).toHaveLength(9);
  for (const refused of answers.filter((answer) => answer.status !== 201)) {
    expect(errorOf(refused)).toMatchObject({ status: 403, code: "developer_key_limit_reached" });
  }
  const [first] = answers.filter((answer) => answer.status === 201);
  expect((await revoke(developer, first?.body.id)).status).toBe(204);
  expect((await create(developer)).status).toBe(201);
});

test("a rotated developer key works only during its grace period, and of parallel rotations one succeeds", async () => {
  const developer = await registerDeveloper();
  const { body: old } = await create(developer, { name: "Server", management: true });
  const rotate = (json?: unknown) =>
    api(`/auth/developer-keys/${old.id}/rotate`, {
      method: "POST",
      headers: developer.headers,
      ...(json === undefined ? {} : { json }),
    });
  const answers = await Promise.all(Array.from({ length: 5 }, () => rotate({ grace_seconds: 600 })));
  const won = answers.filter((answer) => answer.status === 201);
  expect(won).toHaveLength(1);
  expect(won[0]?.body).toMatchObject({ name: "Server", management: true, is_active: true });
  for (const lost of answers.filter((answer) => answer.status !== 201)) {
    expect(errorOf(lost)).toMatchObject({ status: 400, code: "developer_key_not_active" });
  }
  expect((await projectsWith(old.key)).status).toBe(200);
  expect((await projectsWith(won[0]?.body.key)).status).toBe(200);
  const again = await api(`/auth/developer-keys/${won[0]?.body.id}/rotate`, {
    method: "POST",
    headers: developer.headers,
  });
  expect(again.status).toBe(201);
  expect(errorOf(await projectsWith(won[0]?.body.key))).toMatchObject({
    status: 403,
    code: "developer_key_rotated",
  });
});

test("a developer key can neither revoke itself nor be revoked twice", async () => {
  const developer = await registerDeveloper();
  const { body } = await create(developer);
  const itself = await revoke(developer, body.id, { "X-Developer-Key": body.key });
  expect(errorOf(itself)).toMatchObject({ status: 403, code: "developer_key_in_use" });
  expect((await revoke(developer, body.id)).status).toBe(204);
  expect(errorOf(await revoke(developer, body.id))).toMatchObject({
    status: 400,
    code: "developer_key_already_revoked",
  });
  expect(errorOf(await projectsWith(body.key))).toMatchObject({ status: 403, code: "developer_key_revoked" });
});

test("another developer's key answers 404, and end users have no developer keys", async () => {
  const [one, two] = [await registerDeveloper(), await registerDeveloper()];
  const { body } = await create(one);
  expect(errorOf(await revoke(two, body.id))).toMatchObject({ status: 404, code: "developer_key_not_found" });
  const rotated = await api(`/auth/developer-keys/${body.id}/rotate`, {
    method: "POST",
    headers: two.headers,
  });
  expect(errorOf(rotated)).toMatchObject({ status: 404, code: "developer_key_not_found" });
  const { headers } = await registerEndUser(one.project);
  expect(errorOf(await api("/auth/developer-keys", { headers }))).toMatchObject({
    status: 403,
    code: "developers_only",
  });
});

test("a new developer key is announced to its owner by a mail with its prefix", async () => {
  const developer = await registerDeveloper();
  const { body } = await create(developer, { name: "Server" });
  const mail = await mailTo(developer.email, "new developer key");
  expect(mail.text).toContain(body.key_prefix);
  expect(mail.text).not.toContain(body.key);
});

test("a new API key is announced to the project's owner by mail, except the one created with the project", async () => {
  const developer = await registerDeveloper();
  const path = `/projects/${developer.project.id}/api-keys`;
  const { body } = await api(path, { headers: operatorHeaders, json: { name: "Web" } });
  const mail = await mailTo(developer.email, "new API key");
  expect(mail.text).toContain(
    `called “Web” was created for your project My first project. It begins with ${body.key_prefix}.`,
  );
  const rotated = await api(`${path}/${body.id}/rotate`, { method: "POST", headers: developer.headers });
  expect((await mailTo(developer.email, "new API key", mail)).text).toContain(rotated.body.key_prefix);
  expect((await mailsTo(developer.email)).map(({ subject }) => subject).sort()).toEqual([
    "A new API key was created",
    "A new API key was created",
    "Confirm your address for Cloud API",
  ]);
});
