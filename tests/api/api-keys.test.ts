import { expect, test } from "vitest";
import { api, type Developer, errorOf, registerDeveloper } from "../support/api.ts";
import { openDatabase, putOnPlan } from "../support/management.ts";
import { until } from "../support/until.ts";

const sql = openDatabase();

const keysOf = ({ project }: Developer) => `/projects/${project.id}/api-keys`;
const create = (developer: Developer, json: unknown = {}) =>
  api(keysOf(developer), { headers: developer.headers, json });
const rotate = (developer: Developer, id: string, json?: unknown) =>
  api(`${keysOf(developer)}/${id}/rotate`, { method: "POST", headers: developer.headers, json });
const revoke = (developer: Developer, id: string) =>
  api(`${keysOf(developer)}/${id}`, { method: "DELETE", headers: developer.headers });

/** The error code that an app with this key gets, or "passed". */
async function tryKey({ project }: Developer, key: string): Promise<string> {
  const answer = await api("/auth/login", {
    headers: { "X-Project-ID": project.id, "X-API-Key": key },
    json: { email: "nobody@example.com", password: "Wrong-horse-9" },
  });
  const { code } = errorOf(answer);
  return code === "invalid_credentials" ? "passed" : String(code);
}

test("a revoked API key is refused at once, and a second revocation answers 400", async () => {
  const developer = await registerDeveloper();
  const { body } = await create(developer, { name: "Web app" });
  expect(await tryKey(developer, body.key)).toBe("passed");
  expect((await revoke(developer, body.id)).status).toBe(204);
  expect(await tryKey(developer, body.key)).toBe("api_key_revoked");
  expect(errorOf(await revoke(developer, body.id))).toMatchObject({
    status: 400,
    code: "api_key_already_revoked",
  });
  const listed = await api<{ id: string; status: string; is_active: boolean }[]>(keysOf(developer), {
    headers: developer.headers,
  });
  expect(listed.body.find(({ id }) => id === body.id)).toMatchObject({ status: "revoked", is_active: false });
  expect(JSON.stringify(listed.body)).not.toContain("key_hash");
});

test("a rotation without a body replaces the API key at once and keeps its name and expiry", async () => {
  const developer = await registerDeveloper();
  const expires_at = "2099-01-01T00:00:00+00:00";
  const { body: old } = await create(developer, { name: "Web app", expires_at });
  const rotated = await rotate(developer, old.id);
  expect(rotated.status).toBe(201);
  expect(rotated.body).toMatchObject({
    name: "Web app",
    expires_at: "2099-01-01T00:00:00.000000Z",
    status: "active",
    replaces: { id: old.id },
  });
  expect(rotated.body.id).not.toBe(old.id);
  expect(await tryKey(developer, rotated.body.key)).toBe("passed");
  expect(await tryKey(developer, old.key)).toBe("api_key_rotated");
});

test("both API keys pass during the grace period of a rotation, and then the old one is refused as rotated", async () => {
  const developer = await registerDeveloper();
  const { body: old } = await create(developer);
  const rotated = await rotate(developer, old.id, { grace_seconds: 600 });
  const seconds = (Date.parse(rotated.body.replaces.grace_ends_at) - Date.now()) / 1000;
  expect(seconds).toBeGreaterThan(500);
  expect(seconds).toBeLessThan(700);
  expect(await tryKey(developer, old.key)).toBe("passed");
  expect(await tryKey(developer, rotated.body.key)).toBe("passed");
  await sql`update public.api_keys set grace_ends_at = now() where id = ${old.id}`;
  expect(await tryKey(developer, old.key)).toBe("api_key_rotated");
  expect(await tryKey(developer, rotated.body.key)).toBe("passed");
});

test("the grace period of a rotation ends no later than the old API key expires", async () => {
  const developer = await registerDeveloper();
  const expires_at = new Date(Date.now() + 60_000).toISOString();
  const { body: old } = await create(developer, { expires_at });
  const rotated = await rotate(developer, old.id, { grace_seconds: 604_800 });
  expect(Date.parse(rotated.body.replaces.grace_ends_at)).toBe(Date.parse(expires_at));
});

test("an expired API key is refused as expired and cannot be rotated", async () => {
  const developer = await registerDeveloper();
  const { body: old } = await create(developer);
  await sql`update public.api_keys set expires_at = now() where id = ${old.id}`;
  expect(await tryKey(developer, old.key)).toBe("api_key_expired");
  expect(errorOf(await rotate(developer, old.id))).toMatchObject({
    status: 400,
    code: "api_key_already_expired",
  });
});

test("a revoked API key and one in its grace period cannot be rotated", async () => {
  const developer = await registerDeveloper();
  const { body: revoked } = await create(developer);
  await revoke(developer, revoked.id);
  expect(errorOf(await rotate(developer, revoked.id)).code).toBe("api_key_already_revoked");
  const { body: old } = await create(developer);
  await rotate(developer, old.id, { grace_seconds: 60 });
  expect(errorOf(await rotate(developer, old.id, { grace_seconds: 60 }))).toMatchObject({
    status: 409,
    code: "api_key_already_rotated",
  });
});

test.each([-1, 604_801, 1.5, "60"])(
  "a rotation with a grace period of %j seconds is refused",
  async (graceSeconds) => {
    const developer = await registerDeveloper();
    const { body: old } = await create(developer);
    const answer = await rotate(developer, old.id, { grace_seconds: graceSeconds });
    expect(errorOf(answer).code).toBe("validation_failed");
    expect(await tryKey(developer, old.key)).toBe("passed");
  },
);

test("an API key answers 404 under any other project, to its own developer too", async () => {
  const [mine, theirs] = [await registerDeveloper(), await registerDeveloper()];
  const { body: key } = await create(theirs);
  const second = await api("/projects", { headers: theirs.headers, json: { name: "Second" } });
  for (const [developer, project] of [
    [mine, mine.project.id],
    [theirs, second.body.id],
  ] as const) {
    for (const [method, path] of [
      ["DELETE", ""],
      ["POST", "/rotate"],
      ["GET", "/usage"],
    ]) {
      const answer = await api(`/projects/${project}/api-keys/${key.id}${path}`, {
        method: method as string,
        headers: developer.headers,
      });
      expect(errorOf(answer)).toMatchObject({ status: 404, code: "api_key_not_found" });
    }
  }
  expect(await tryKey(theirs, key.key)).toBe("passed");
});

test("a mistyped API key is refused, whatever other credentials are sent", async () => {
  const developer = await registerDeveloper();
  const key = developer.project.api_key;
  const mistyped = key.slice(0, -1) + (key.endsWith("A") ? "B" : "A");
  for (const headers of [{}, developer.headers, developer.project.headers]) {
    const answer = await api("/projects", { headers: { ...headers, "X-API-Key": mistyped } });
    expect(errorOf(answer)).toMatchObject({ status: 403, code: "api_key_invalid" });
  }
});

test("50 parallel creates of API keys make only as many as the plan allows", async () => {
  const developer = await registerDeveloper();
  await putOnPlan(sql, developer, "free");
  const answers = await Promise.all(Array.from({ length: 50 }, () => create(developer)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
  const refused = answers.filter(({ status }) => status !== 201).map((answer) => errorOf(answer).code);
  expect(new Set(refused)).toEqual(new Set(["api_key_limit_reached"]));
});

test("an API key can be rotated at the plan's limit, and 50 parallel rotations make one new key", async () => {
  const developer = await registerDeveloper();
  await putOnPlan(sql, developer, "free");
  await create(developer);
  const { body: last } = await create(developer);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => rotate(developer, last.id, { grace_seconds: 600 })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  const refused = answers.filter(({ status }) => status !== 201).map((answer) => errorOf(answer).code);
  expect(new Set(refused)).toEqual(new Set(["api_key_already_rotated"]));
  expect(errorOf(await create(developer)).code).toBe("api_key_limit_reached");
});

test("at most as many API keys as the plan allows can be in their grace period", async () => {
  const developer = await registerDeveloper();
  await putOnPlan(sql, developer, "free");
  let { id } = (await create(developer)).body;
  for (let index = 0; index < 3; index++) id = (await rotate(developer, id, { grace_seconds: 600 })).body.id;
  expect(errorOf(await rotate(developer, id, { grace_seconds: 600 })).code).toBe("api_key_limit_reached");
  expect((await rotate(developer, id)).status).toBe(201);
});

test("requests and errors of an API key are counted per day, and every kind of key records its last use", async () => {
  const developer = await registerDeveloper();
  const { body: key } = await create(developer);
  expect(key.last_used_at).toBeNull();
  await Promise.all(Array.from({ length: 6 }, () => tryKey(developer, key.key)));
  await api("/auth/register", {
    headers: { ...developer.project.headers, "X-API-Key": key.key },
    json: { email: `counted-${Date.now()}@example.com`, password: "Correct-horse-9" },
  });
  const usage = await until(
    "seven requests are counted",
    () =>
      api<{ day: string; requests: number; errors: number }[]>(
        `${keysOf(developer)}/${key.id}/usage?days=7`,
        { headers: developer.headers },
      ),
    ({ body }) => body.at(-1)?.requests === 7,
  );
  expect(usage.body).toHaveLength(7);
  expect(usage.body.at(-1)).toEqual({ day: new Date().toISOString().slice(0, 10), requests: 7, errors: 6 });
  expect(usage.body.slice(0, -1).every(({ requests }) => requests === 0)).toBe(true);
  const [used] = await sql`
    select (select last_used_at > now() - interval '5 minutes' from public.api_keys where id = ${key.id}) as api_key,
      (select last_used_at > now() - interval '5 minutes' from public.developer_keys where user_id = ${developer.id}) as developer_key,
      (select bool_or(last_used_at > now() - interval '5 minutes') from public.operator_keys) as operator_key`;
  expect(used).toEqual({ api_key: true, developer_key: true, operator_key: true });
});

test.each(["0", "366", "x"])("the usage of an API key over %s days is refused", async (days) => {
  const developer = await registerDeveloper();
  const { body: key } = await create(developer);
  const answer = await api(`${keysOf(developer)}/${key.id}/usage?days=${days}`, {
    headers: developer.headers,
  });
  expect(errorOf(answer).status).toBe(422);
});
