import { expect, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase, operatorHeaders, putOnPlan } from "../support/management.ts";

const sql = openDatabase();
const unknown = "00000000-0000-4000-8000-000000000000";

test.each(["PATCH", "PUT"])("%s of a project changes the given fields and keeps the rest", async (method) => {
  const { headers, project } = await registerDeveloper();
  const before = await api(`/projects/${project.id}`, { headers });
  const changes = {
    description: "Cards for holidays",
    email_verification: "required",
    allowed_origins: ["https://App.example.com:443", "http://*.example.com:8080"],
    site_url: "https://app.example.com",
  };
  const changed = await api(`/projects/${project.id}`, { method, headers, json: changes });
  expect(changed.status).toBe(200);
  expect(changed.body).toEqual({
    ...before.body,
    ...changes,
    allowed_origins: ["https://app.example.com", "http://*.example.com:8080"],
    updated_at: changed.body.updated_at,
  });
  expect(Date.parse(changed.body.updated_at)).toBeGreaterThan(Date.parse(before.body.updated_at));

  const cleared = await api(`/projects/${project.id}`, {
    method,
    headers,
    json: { name: null, description: null, site_url: null },
  });
  expect(cleared.body).toMatchObject({ name: before.body.name, description: null, site_url: null });
  const same = await api(`/projects/${project.id}`, { method, headers, json: {} });
  expect(same.body).toMatchObject({ email_verification: "required", description: null });
});

test.each([
  [{ name: "   " }, "name"],
  [{ name: "x".repeat(256) }, "name"],
  [{ description: "x".repeat(1001) }, "description"],
  [{ email_verification: "sometimes" }, "email_verification"],
  [{ allowed_origins: ["https://example.com/path"] }, "allowed_origins"],
  [{ allowed_origins: ["example.com"] }, "allowed_origins"],
  [{ allowed_origins: ["https://*"] }, "allowed_origins"],
  [{ site_url: "javascript:alert(1)" }, "site_url"],
  [{ is_active: "yes" }, "is_active"],
])("a change of a project to %j is refused, and the answer names the field", async (json, field) => {
  const { headers, project } = await registerDeveloper();
  const answer = await api(`/projects/${project.id}`, { method: "PATCH", headers, json });
  expect(errorOf(answer).code).toBe("validation_failed");
  expect((answer.body.errors as { loc: unknown[] }[])[0]?.loc.slice(0, 2)).toEqual(["body", field]);
});

test("a deactivated project refuses its end users but not its owner, until it is activated again", async () => {
  const { headers, project } = await registerDeveloper();
  const user = await registerEndUser(project);
  await api(`/projects/${project.id}`, { method: "PATCH", headers, json: { is_active: false } });
  expect(errorOf(await api("/auth/me", { headers: user.headers })).code).toBe("project_inactive");
  const listed = await api<{ id: string }[]>("/projects?is_active=false", { headers });
  expect(listed.body.map(({ id }) => id)).toEqual([project.id]);
  const on = await api(`/projects/${project.id}`, { method: "PATCH", headers, json: { is_active: true } });
  expect(on.body.is_active).toBe(true);
  expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
});

test("after verification is made required, a registration returns no token", async () => {
  const { headers, project } = await registerDeveloper();
  await api(`/projects/${project.id}`, {
    method: "PATCH",
    headers,
    json: { email_verification: "required" },
  });
  const user = await registerEndUser(project);
  expect(user.token).toBeNull();
});

test("another developer's project and an unknown one answer the same 404 to every method", async () => {
  const [mine, theirs] = [await registerDeveloper(), await registerDeveloper()];
  for (const id of [theirs.project.id, unknown]) {
    const calls: [string, string, unknown?][] = [
      ["GET", ""],
      ["PATCH", "", { name: "Taken" }],
      ["PUT", "", { name: "Taken" }],
      ["DELETE", ""],
      ["POST", "/restore"],
      ["GET", "/users"],
      ["GET", "/stats"],
      ["GET", "/audit"],
      ["GET", "/api-keys"],
      ["PATCH", `/users/${theirs.id}`, { is_active: false }],
    ];
    for (const [method, path, json] of calls) {
      const answer = await api(`/projects/${id}${path}`, { method, headers: mine.headers, json });
      expect([method, path, errorOf(answer)]).toMatchObject([
        method,
        path,
        { status: 404, code: "project_not_found" },
      ]);
    }
  }
  const untouched = await api(`/projects/${theirs.project.id}`, { headers: theirs.headers });
  expect(untouched.body.name).toBe("My first project");
});

test("an operator can change every project", async () => {
  const { project } = await registerDeveloper();
  const changed = await api(`/projects/${project.id}`, {
    method: "PATCH",
    headers: operatorHeaders,
    json: { name: "Renamed by an operator" },
  });
  expect(changed.body.name).toBe("Renamed by an operator");
});

test("only an operator can give a project its own plan and take it away again", async () => {
  const { headers, project } = await registerDeveloper();
  const path = `/projects/${project.id}/plan`;
  const given = await api(path, { method: "PATCH", headers: operatorHeaders, json: { plan_id: "premium" } });
  expect(given.body).toMatchObject({ id: project.id, plan_id: "premium" });
  const taken = await api(path, { method: "PATCH", headers: operatorHeaders, json: { plan_id: null } });
  expect(taken.body.plan_id).toBeNull();
  const none = await api(path, { method: "PATCH", headers: operatorHeaders, json: { plan_id: "gold" } });
  expect(errorOf(none)).toMatchObject({ status: 404, code: "plan_not_found" });
  const refused = await api(path, { method: "PATCH", headers, json: { plan_id: "premium" } });
  expect(errorOf(refused)).toMatchObject({ status: 403, code: "operators_only" });
});

test("50 parallel creates of projects make only as many as the plan allows", async () => {
  const developer = await registerDeveloper();
  await putOnPlan(sql, developer, "free");
  const creates = Array.from({ length: 50 }, (_, index) =>
    api("/projects", { headers: developer.headers, json: { name: `Parallel ${index}` } }),
  );
  const answers = await Promise.all(creates);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
  const refused = answers.filter(({ status }) => status !== 201).map((answer) => errorOf(answer).code);
  expect(new Set(refused)).toEqual(new Set(["project_limit_reached"]));
  const [row] = await sql`select count(*)::integer from public.projects where owner_id = ${developer.id}`;
  expect(row?.count).toBe(5);
});

test.each(["/projects", "/generation/public"])(
  "%s accepts both page_size and per_page, but not two different values",
  async (path) => {
    const { headers } = await registerDeveloper();
    for (const name of ["one", "two"]) await api("/projects", { headers, json: { name } });
    const sizeOf = async (query: string) => {
      const { status, body } = await api(`${path}?${query}`, { headers });
      return [status, Array.isArray(body) ? body.length : [body.page_size, body.per_page]];
    };
    const byName = await sizeOf("page_size=2");
    expect(byName).toEqual([200, path === "/projects" ? 2 : [2, 2]]);
    expect(await sizeOf("per_page=2")).toEqual(byName);
    expect(await sizeOf("per_page=2&page_size=2")).toEqual(byName);
    const refused = await api(`${path}?per_page=2&page_size=3`, { headers });
    expect([refused.status, errorOf(refused).detail]).toEqual([
      422,
      "The size of a page is given twice, by page_size and per_page.",
    ]);
  },
);

test.each([
  ["is_active=yes", "The switch for active must be true or false."],
  ["is_active=2", "The switch for active must be true or false."],
  ["deleted=maybe", "The filter for deleted projects must be true or false."],
  [`deleted=${"x".repeat(21)}`, "The filter for deleted projects must be true or false."],
  ["page=two", "The page must be a whole number."],
  ["page_size=1.5", "The size of a page must be a whole number."],
])("a list of projects refuses ?%s with a sentence", async (query, sentence) => {
  const { headers } = await registerDeveloper();
  const answer = await api(`/projects?${query}`, { headers });
  expect([answer.status, errorOf(answer).detail]).toEqual([422, sentence]);
});

test("is_active accepts true, True, 1, on, false, FALSE, 0 and off", async () => {
  const { headers } = await registerDeveloper();
  const counts = ["true", "True", "1", "on", "false", "FALSE", "0", "off"].map(async (word) => {
    const { status, body } = await api<unknown[]>(`/projects?is_active=${word}`, { headers });
    return [word, status, body.length];
  });
  const one = (word: string) => [word, 200, 1];
  const none = (word: string) => [word, 200, 0];
  expect(await Promise.all(counts)).toEqual([
    ...["true", "True", "1", "on"].map(one),
    ...["false", "FALSE", "0", "off"].map(none),
  ]);
});

test("a search for projects matches its characters literally, and X-Total-Count counts all pages", async () => {
  const { headers } = await registerDeveloper();
  for (const name of ["50% off", "50 cents off", "a_b"]) await api("/projects", { headers, json: { name } });
  const found = await api<{ name: string }[]>(`/projects?search=${encodeURIComponent("50%")}`, { headers });
  expect(found.body.map(({ name }) => name)).toEqual(["50% off"]);
  expect(found.headers.get("x-total-count")).toBe("1");
  const page = await api<unknown[]>("/projects?page_size=2&page=2", { headers });
  expect(page.body).toHaveLength(2);
  expect(page.headers.get("x-total-count")).toBe("4");
});
