import { expect, test } from "vitest";
import { api, type Developer, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { operatorHeaders } from "../support/management.ts";

type Users = { users: Record<string, any>[]; total: number; page: number; page_size: number };
type Counts = Record<"users" | "api_keys" | "projects", { total: number; active: number }>;

/** Two projects with three and two users; one user of each is deactivated. */
async function populate(): Promise<{ developer: Developer; second: string }> {
  const developer = await registerDeveloper();
  const { body } = await api("/projects", { headers: developer.headers, json: { name: "Second" } });
  const stamp = `${Date.now()}${Math.random()}`.replace(".", "");
  for (const [project, names] of [
    [developer.project.id, ["ada", "bob", "a_a"]],
    [body.id, ["ada", "cy"]],
  ] as const) {
    for (const name of names) {
      const user = await registerEndUser(
        {
          ...developer.project,
          id: project,
          headers: { "X-Developer-Key": developer.project.developer_key, "X-Project-ID": project },
        },
        `${name}@${stamp}.example.com`,
      );
      if (name === "bob" || name === "cy")
        await api(`/projects/${project}/users/${user.id}`, {
          method: "PATCH",
          headers: developer.headers,
          json: { is_active: false },
        });
    }
  }
  return { developer, second: body.id };
}

test("lists of users of one and of all projects match their totals under every filter", async () => {
  const { developer, second } = await populate();
  const { headers, project } = developer;
  const filters = [
    "",
    "search=ada",
    "search=a_a",
    "search=ADA",
    "is_active=true",
    "is_active=false",
    "search=b&is_active=true",
    "search=nobody",
  ];
  const expected: Record<string, [number, number]> = {
    "": [3, 5],
    "search=ada": [1, 2],
    "search=a_a": [1, 1],
    "search=ADA": [1, 2],
    "is_active=true": [2, 3],
    "is_active=false": [1, 2],
    "search=b&is_active=true": [0, 0],
    "search=nobody": [0, 0],
  };
  for (const filter of filters) {
    const one = await api<Users>(`/projects/${project.id}/users?${filter}`, { headers });
    const all = await api<Users>(`/projects/users?${filter}`, { headers });
    const stats = await api<Counts>(`/projects/stats?${filter}`, { headers });
    const oneStats = await api<Counts>(`/projects/${project.id}/stats?${filter}`, { headers });
    expect([filter, one.body.total, all.body.total]).toEqual([filter, ...(expected[filter] ?? [])]);
    expect(one.body.users).toHaveLength(one.body.total);
    expect(all.body.users).toHaveLength(all.body.total);
    expect(one.headers.get("x-total-count")).toBe(String(one.body.total));
    expect(stats.body.users.total).toBe(all.body.total);
    expect(oneStats.body.users.total).toBe(one.body.total);
    expect(oneStats.body).not.toHaveProperty("projects");
  }
  const other = await api<Users>(`/projects/users?project_id=${second}&search=ada`, { headers });
  expect(other.body.users.map(({ project_id, project_name }) => [project_id, project_name])).toEqual([
    [second, "Second"],
  ]);
});

test("the users of a project are paged newest first, with the same total on every page", async () => {
  const { developer } = await populate();
  const { headers, project } = developer;
  const whole = await api<Users>(`/projects/${project.id}/users`, { headers });
  const pages = await Promise.all(
    [1, 2, 3].map((page) =>
      api<Users>(`/projects/${project.id}/users?page_size=2&page=${page}`, { headers }),
    ),
  );
  expect(pages.map(({ body }) => [body.users.length, body.total, body.page, body.page_size])).toEqual([
    [2, 3, 1, 2],
    [1, 3, 2, 2],
    [0, 3, 3, 2],
  ]);
  expect(pages.flatMap(({ body }) => body.users)).toEqual(whole.body.users);
  expect(whole.body.users[0]).toMatchObject({
    role: "end_user",
    is_verified: false,
    joined_at: whole.body.users[0]?.created_at,
    project_id: project.id,
  });
});

test("deactivating a user ends the session at once, and activating again does not restore it", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  const path = `/projects/${developer.project.id}/users/${user.id}`;
  const closed = await api(path, { method: "PATCH", headers: developer.headers, json: { is_active: false } });
  expect(closed.body).toMatchObject({ id: user.id, is_active: false });
  expect(errorOf(await api("/auth/me", { headers: user.headers })).status).toBe(401);
  const opened = await api(path, { method: "PATCH", headers: developer.headers, json: { is_active: true } });
  expect(opened.body.is_active).toBe(true);
  expect(errorOf(await api("/auth/me", { headers: user.headers })).code).toBe("invalid_token");
});

test("deactivating another project's user, a developer or an unknown id answers 404", async () => {
  const [mine, theirs] = [await registerDeveloper(), await registerDeveloper()];
  const user = await registerEndUser(theirs.project);
  for (const id of [user.id, mine.id, "00000000-0000-4000-8000-000000000000"]) {
    for (const headers of [mine.headers, operatorHeaders]) {
      const answer = await api(`/projects/${mine.project.id}/users/${id}`, {
        method: "PATCH",
        headers,
        json: { is_active: false },
      });
      expect(errorOf(answer)).toMatchObject({ status: 404, code: "user_not_found" });
    }
  }
  for (const path of ["users", "stats"]) {
    const answer = await api(`/projects/${path}?project_id=${theirs.project.id}`, { headers: mine.headers });
    expect(errorOf(answer)).toMatchObject({ status: 404, code: "project_not_found" });
  }
});

test("the statistics count projects, users and keys in total and active, under filters", async () => {
  const { developer, second } = await populate();
  const { headers, project } = developer;
  const keys = await api<{ id: string }[]>(`/projects/${project.id}/api-keys`, { headers });
  await api(`/projects/${project.id}/api-keys/${keys.body[0]?.id}`, { method: "DELETE", headers });
  await api(`/projects/${second}/api-keys`, { headers, json: { name: "Second's key" } });
  await api(`/projects/${second}`, { method: "PATCH", headers, json: { is_active: false } });
  const all = await api<Counts>("/projects/stats", { headers });
  expect(all.body).toEqual({
    projects: { total: 2, active: 1 },
    users: { total: 5, active: 3 },
    api_keys: { total: 2, active: 1 },
  });
  const found = await api<Counts>(`/projects/stats?search=second`, { headers });
  expect(found.body).toMatchObject({ projects: { total: 1, active: 0 }, api_keys: { total: 1, active: 1 } });
  const one = await api<Counts>(`/projects/stats?project_id=${second}&is_active=true`, { headers });
  expect(one.body).toEqual({
    projects: { total: 0, active: 0 },
    users: { total: 1, active: 1 },
    api_keys: { total: 1, active: 1 },
  });
});

test("an operator's lists and statistics cover the projects of every developer", async () => {
  const stamp = `operator-${crypto.randomUUID()}`;
  const owners = [await registerDeveloper(), await registerDeveloper()];
  for (const [at, { project }] of owners.entries())
    await registerEndUser(project, `${at}@${stamp}.example.com`);
  const totals = async (headers: Developer["headers"]) => {
    const users = await api<Users>(`/projects/users?search=${stamp}`, { headers });
    const stats = await api<Counts>(`/projects/stats?search=${stamp}`, { headers });
    return [users.body.total, stats.body.users.total];
  };
  expect(await totals(operatorHeaders)).toEqual([2, 2]);
  for (const { headers } of owners) expect(await totals(headers)).toEqual([1, 1]);
});
