import { beforeAll, expect, test } from "vitest";
import { api, type Developer, type Headed, registerDeveloper, registerEndUser } from "../support/api.ts";
import { createManagementKey, openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();

const roles = [
  "nobody",
  "end_user",
  "app_keys",
  "developer_key",
  "api_key",
  "owner",
  "other_developer",
  "management_key",
  "other_management_key",
  "management_key_in_browser",
  "operator_key",
  "operator_key_in_browser",
] as const;
type Role = (typeof roles)[number];

let headers: Record<Role, Headed>;
let owner: Developer;
let ids: { project: string; user: string; key: string };

beforeAll(async () => {
  owner = await registerDeveloper();
  const other = await registerDeveloper();
  const user = await registerEndUser(owner.project);
  const listed = await api<{ id: string }[]>(`/projects/${owner.project.id}/api-keys`, {
    headers: owner.headers,
  });
  ids = { project: owner.project.id, user: user.id, key: listed.body[0]?.id as string };
  const management = await createManagementKey(sql, owner);
  const browser = { Origin: "https://app.example.com" };
  headers = {
    nobody: {},
    end_user: user.headers,
    app_keys: owner.project.headers,
    developer_key: { "X-Developer-Key": owner.project.developer_key },
    api_key: { "X-API-Key": owner.project.api_key },
    owner: owner.headers,
    other_developer: other.headers,
    management_key: management,
    other_management_key: await createManagementKey(sql, other),
    management_key_in_browser: { ...management, ...browser },
    operator_key: operatorHeaders,
    operator_key_in_browser: { ...operatorHeaders, ...browser },
  };
});

/** These roles get the same refusal from every endpoint. */
const refusals: Partial<Record<Role, string>> = {
  nobody: "401 not_authenticated",
  end_user: "403 developers_only",
  app_keys: "401 management_key_required",
  developer_key: "401 management_key_required",
  api_key: "401 not_authenticated",
  management_key_in_browser: "403 key_not_for_browsers",
  operator_key_in_browser: "403 key_not_for_browsers",
};
const missing = "404 project_not_found";

const endpoints: [string, string, unknown, { own: string; other: string; operator: string }][] = [
  ["GET", "/projects", undefined, { own: "200", other: "200", operator: "200" }],
  ["GET", "/projects/users", undefined, { own: "200", other: "200", operator: "200" }],
  ["GET", "/projects/stats", undefined, { own: "200", other: "200", operator: "200" }],
  ["GET", "/projects/users?project_id=:project", undefined, { own: "200", other: missing, operator: "200" }],
  ["GET", "/projects/stats?project_id=:project", undefined, { own: "200", other: missing, operator: "200" }],
  ["GET", "/projects/:project", undefined, { own: "200", other: missing, operator: "200" }],
  ["PATCH", "/projects/:project", { description: "x" }, { own: "200", other: missing, operator: "200" }],
  ["PUT", "/projects/:project", { description: "y" }, { own: "200", other: missing, operator: "200" }],
  ["POST", "/projects/:project/restore", undefined, { own: "200", other: missing, operator: "200" }],
  [
    "PATCH",
    "/projects/:project/plan",
    { plan_id: null },
    { own: "403 operators_only", other: "403 operators_only", operator: "200" },
  ],
  ["GET", "/projects/:project/users", undefined, { own: "200", other: missing, operator: "200" }],
  [
    "PATCH",
    "/projects/:project/users/:user",
    { is_active: true },
    { own: "200", other: missing, operator: "200" },
  ],
  ["GET", "/projects/:project/stats", undefined, { own: "200", other: missing, operator: "200" }],
  ["GET", "/projects/:project/audit", undefined, { own: "200", other: missing, operator: "200" }],
  [
    "POST",
    "/projects/:project/mail/preview",
    { kind: "verification" },
    { own: "200", other: missing, operator: "200" },
  ],
  ["GET", "/projects/:project/api-keys", undefined, { own: "200", other: missing, operator: "200" }],
  [
    "GET",
    "/projects/:project/api-keys/:key/usage",
    undefined,
    { own: "200", other: missing, operator: "200" },
  ],
  [
    "POST",
    "/projects/:project/api-keys",
    { expires_at: "not a time" },
    { own: "422 validation_failed", other: "422 validation_failed", operator: "422 validation_failed" },
  ],
  [
    "DELETE",
    "/projects/:project/api-keys/:project",
    undefined,
    { own: "404 api_key_not_found", other: missing, operator: "404 api_key_not_found" },
  ],
  [
    "POST",
    "/projects/:project/api-keys/:project/rotate",
    undefined,
    { own: "404 api_key_not_found", other: missing, operator: "404 api_key_not_found" },
  ],
];

test.each(endpoints)(
  "%s %s answers every role as the table of access says",
  async (method, template, json, allowed) => {
    const path = template
      .replaceAll(":project", ids.project)
      .replace(":user", ids.user)
      .replace(":key", ids.key);
    const found: Partial<Record<Role, string>> = {};
    const expected: Partial<Record<Role, string>> = {};
    for (const role of roles) {
      const answer = await api(path, { method, headers: headers[role], json });
      found[role] = answer.status < 300 ? String(answer.status) : `${answer.status} ${answer.body.code}`;
      // An invalid body is refused before the credentials are checked.
      const isInvalid = allowed.own === "422 validation_failed";
      const kind = role === "operator_key" ? "operator" : role.startsWith("other") ? "other" : "own";
      expected[role] = isInvalid ? allowed.own : (refusals[role] ?? allowed[kind]);
    }
    expect(found).toEqual(expected);
  },
);

test("deleting a project without the right is refused and changes nothing", async () => {
  for (const role of Object.keys(refusals) as Role[]) {
    const answer = await api(`/projects/${ids.project}`, { method: "DELETE", headers: headers[role] });
    expect([role, `${answer.status} ${answer.body.code}`]).toEqual([role, refusals[role]]);
  }
  expect((await api(`/projects/${ids.project}`, { headers: owner.headers })).status).toBe(200);
});

test("X-User-Role must name the role of a developer for a token and a management key", async () => {
  for (const [role, claim, status] of [
    ["owner", "developer", 200],
    ["management_key", "developer", 200],
    ["management_key", "end_user", 403],
  ] as const) {
    const answer = await api("/projects", { headers: { ...headers[role], "X-User-Role": claim } });
    expect([role, claim, answer.status]).toEqual([role, claim, status]);
  }
});

test("a revoked or expired management key manages nothing", async () => {
  const developer = await registerDeveloper();
  const key = await createManagementKey(sql, developer);
  expect((await api("/projects", { headers: key })).status).toBe(200);
  await sql`update public.developer_keys set expires_at = now() where user_id = ${developer.id} and management`;
  expect((await api("/projects", { headers: key })).body.code).toBe("developer_key_expired");
  await sql`update public.developer_keys set revoked_at = now() where user_id = ${developer.id} and management`;
  expect((await api("/projects", { headers: key })).body.code).toBe("developer_key_revoked");
});

test.each(["users", "stats"])("/projects/%s is not read as the id of a project", async (path) => {
  const answer = await api(`/projects/${path}`, { headers: owner.headers });
  expect(answer.status).toBe(200);
  expect(answer.body).toHaveProperty(path === "users" ? "users" : "projects");
});
