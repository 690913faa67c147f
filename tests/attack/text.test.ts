import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  api,
  type Developer,
  errorOf,
  freshEmail,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { mailTo } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();
const hostile = [
  "'; drop table public.users; --",
  "' or '1'='1",
  '"; select pg_sleep(9); --',
  "\\'; select 1; --",
  "$$; drop schema private cascade; $$",
  "%' and 1=1 --",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "{{constructor.constructor('return 1')()}}",
  "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
  "👩‍👩‍👧‍👦 ﷽",
  "__proto__",
];

let developer: Developer;
let tables: number;
const countTables = async () => {
  const [row] =
    await sql`select count(*)::integer as count from pg_tables where schemaname in ('public', 'private', 'auth')`;
  return row?.count as number;
};
beforeAll(async () => {
  developer = await registerDeveloper();
  tables = await countTables();
});
afterAll(async () => {
  expect(await countTables()).toBe(tables);
});

describe.each(hostile)("%j", (text) => {
  test(`${JSON.stringify(text)} is stored unchanged as a name, description, prompt and search`, async () => {
    const { headers } = developer;
    const created = await api("/projects", { headers, json: { name: text, description: text } });
    expect([created.status, created.body.name, created.body.description]).toEqual([201, text, text]);
    expect(created.headers.get("content-type")).toContain("application/json");
    const found = await api<{ id: string }[]>(`/projects?search=${encodeURIComponent(text)}`, { headers });
    expect(found.body.map(({ id }) => id)).toEqual([created.body.id]);
    const key = await api(`/projects/${created.body.id}/api-keys`, { headers, json: { name: text } });
    expect([key.status, key.body.name]).toEqual([201, text]);
    const me = await api("/auth/me", { method: "PATCH", headers, json: { full_name: text } });
    expect([me.status, me.body.full_name]).toEqual([200, text]);
    const asked = await api("/generation/generate-v2", {
      headers: { ...headers, "X-Project-ID": developer.project.id },
      json: { prompt: text },
    });
    expect([asked.status, asked.body.instructions]).toEqual([200, text]);
    await api(`/projects/${created.body.id}`, { method: "DELETE", headers });
  });

  test(`${JSON.stringify(text)} is refused as an id, cursor, token or email`, async () => {
    const { headers } = developer;
    const encoded = encodeURIComponent(text);
    for (const [path, init] of [
      [`/projects/${encoded}`, { headers }],
      [`/generation?cursor=${encoded}`, { headers: { ...headers, "X-Project-ID": developer.project.id } }],
      [`/auth/sessions/${encoded}`, { method: "DELETE", headers }],
      ["/auth/login", { json: { email: text, password } }],
      ["/auth/verify-email", { json: { token: text } }],
      ["/auth/refresh", { json: { refresh_token: text } }],
    ] as const) {
      const error = errorOf(await api(path, init));
      expect([400, 401, 404, 422], `${path} ${JSON.stringify(error)}`).toContain(error.status);
    }
  });
});

test("HTML in a project's or user's name is escaped in mails", async () => {
  const own = await registerDeveloper();
  const name = '<img src=x onerror=alert(1)> & "Co"';
  await api(`/projects/${own.project.id}`, { method: "PATCH", headers: own.headers, json: { name } });
  const email = freshEmail("html");
  await api("/auth/register", {
    headers: own.project.headers,
    json: { email, password, full_name: "<b>Eve</b>" },
  });
  const mail = await mailTo(email, "");
  expect(mail.html).not.toContain("<img src=x");
  expect(mail.html).not.toContain("<b>Eve");
  expect(mail.html).toContain("&#60;img src=x");
});

test("a lookalike of an email is another account, and its reset mail never goes to the first", async () => {
  const own = await registerDeveloper();
  const victim = `kate${Date.now()}@example.com`;
  const user = await registerEndUser(own.project, victim);
  // A full-width letter, a Cyrillic letter and an accent.
  const lookalikes = [victim.replace("a", "ａ"), victim.replace("a", "а"), victim.replace("e", "e\u0301")];
  for (const email of lookalikes) {
    const login = await api("/auth/login", {
      headers: { "X-Project-ID": own.project.id },
      json: { email, password },
    });
    expect([email, login.status === 200]).toEqual([email, false]);
    const reset = await api("/auth/request-password-reset", {
      headers: { "X-Project-ID": own.project.id },
      json: { email },
    });
    expect([200, 422]).toContain(reset.status);
  }
  const rows =
    await sql`select kind from private.mail_outbox where user_id = ${user.id} and kind = 'password_reset'`;
  expect(rows).toHaveLength(0);
  // A compatible spelling in Unicode is the same email. The mail goes to the stored one.
  const kelvin = victim.replace("k", "\u212a");
  await api("/auth/request-password-reset", {
    headers: { "X-Project-ID": own.project.id },
    json: { email: kelvin },
  });
  expect((await mailTo(victim, "password")).to.map(({ address }) => address)).toEqual([victim]);
  const upper = await api("/auth/login", {
    headers: { "X-Project-ID": own.project.id },
    json: { email: victim.toUpperCase(), password },
  });
  expect(upper.status).toBe(200);
});

test("a name is stored trimmed and in Unicode form NFC", async () => {
  const { headers } = developer;
  for (const name of ["Zoe\u0308", "Zo\u00eb", "  Zoe\u0308\t"]) {
    const { body } = await api("/auth/me", { method: "PATCH", headers, json: { full_name: name } });
    expect(body.full_name).toBe("Zo\u00eb");
  }
});

const forbiddenInNames = {
  "a line break": "Ada\nLovelace",
  "a tab": "Ada\tLovelace",
  "a bell": "Ada\u0007",
  "a line separator": "Ada\u2028Lovelace",
  "a right-to-left override": "Ada \u202egnp.exe",
  "a direction isolate": "\u2066Ada",
  "a direction mark": "Ada\u200f",
  "only invisible characters": "\u200b\u200d",
};
describe.each(Object.entries(forbiddenInNames))("%s", (kind, name) => {
  test(`${kind} is refused in the name of a user, project or key`, async () => {
    const { headers, project } = developer;
    const places: [string, string, object][] = [
      ["PATCH", "/auth/me", { full_name: name }],
      ["POST", "/projects", { name }],
      ["PATCH", `/projects/${project.id}`, { name }],
      ["POST", `/projects/${project.id}/api-keys`, { name }],
      ["POST", "/auth/developer-keys", { name }],
    ];
    for (const [method, path, json] of places) {
      const answer = await api(path, { method, headers, json });
      expect({ path, ...errorOf(answer) }).toMatchObject({ path, status: 422, code: "validation_failed" });
    }
    const json = { email: freshEmail(), password, full_name: name };
    expect(errorOf(await api("/auth/register", { headers: project.headers, json })).status).toBe(422);
  });
});

test("an empty name is refused for a project and stored as null for a user or key", async () => {
  const { headers, project } = developer;
  for (const name of ["", "   "]) {
    expect(errorOf(await api("/projects", { headers, json: { name } })).detail).toBe(
      "The name may not be empty.",
    );
    const me = await api("/auth/me", { method: "PATCH", headers, json: { full_name: name } });
    expect([me.status, me.body.full_name]).toEqual([200, null]);
    const key = await api(`/projects/${project.id}/api-keys`, { headers, json: { name } });
    expect([key.status, key.body.name]).toEqual([201, null]);
  }
});

test("__proto__ and constructor in a request do not change the prototype of an object", async () => {
  const { status, body } = await api("/projects", {
    method: "POST",
    headers: { ...developer.headers, "Content-Type": "application/json" },
    body: '{"name":"P","__proto__":{"is_active":false,"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  });
  expect([status, body.is_active, body.polluted]).toEqual([201, true, undefined]);
  expect((await api(`/projects/${body.id}`, { headers: developer.headers })).body.polluted).toBeUndefined();
});
