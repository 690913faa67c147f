import { encode } from "fast-png";
import { expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  errorOf,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { openDatabase, operatorHeaders, putOnPlan, reconcile } from "../support/management.ts";
import { until } from "../support/until.ts";

const sql = openDatabase();
const { urls, keys } = inject("stack");

type Project = { id: string; deleted_at: string; removed_after: string };

const remove = (developer: Developer) =>
  api(`/projects/${developer.project.id}`, { method: "DELETE", headers: developer.headers });

const dueNow = (projectId: string) =>
  sql`update public.projects set purge_at = now() where id = ${projectId}`;

async function makePicture(headers: Record<string, string>): Promise<string> {
  const form = new FormData();
  form.set("instructions", "Turn this into a watercolour");
  form.set("is_public", "true");
  const data = new Uint8Array(32 * 32 * 3).fill(90);
  form.append("files", new Blob([encode({ width: 32, height: 32, channels: 3, data }) as BlobPart]), "a.png");
  const { body } = await api("/generation/generate-v2", { method: "POST", headers, body: form });
  const done = await api(`/generation/${body.id}/status?wait=25`, { headers });
  expect(done.body.status).toBe("completed");
  return body.id;
}

test("a deleted project refuses keys, tokens, logins, pictures and PostgREST at once", async () => {
  const developer = await registerDeveloper();
  const { project, headers } = developer;
  const user = await registerEndUser(project);
  const generation = await makePicture(user.headers);
  const status = await api(`/generation/${generation}/status`, { headers: user.headers });
  const picture = status.body.generated_image_url as string;
  expect((await fetch(picture)).status).toBe(200);
  const rest = (token: string) =>
    fetch(`${urls.gateway}/rest/v1/generations?select=id&project_id=eq.${project.id}`, {
      headers: { apikey: keys.publishable ?? "", Authorization: `Bearer ${token}` },
    }).then((response) => response.json());
  expect(await rest(user.token)).toHaveLength(1);

  expect((await remove(developer)).status).toBe(204);

  const cases: [string, Record<string, unknown>, number, string][] = [
    [`/projects/${project.id}`, { headers }, 404, "project_not_found"],
    [`/projects/${project.id}`, { method: "DELETE", headers }, 404, "project_not_found"],
    [`/projects/${project.id}`, { headers: operatorHeaders }, 404, "project_not_found"],
    [`/projects/${project.id}/api-keys`, { headers }, 404, "project_not_found"],
    ["/auth/me", { headers: user.headers }, 404, "project_not_found"],
    ["/auth/me", { headers: { Authorization: `Bearer ${user.token}` } }, 403, "project_inactive"],
    [`/generation/${generation}/status`, { headers: user.headers }, 404, "project_not_found"],
    [
      "/auth/register",
      { headers: project.headers, json: { email: "late@example.com", password } },
      404,
      "project_not_found",
    ],
    [
      "/auth/login",
      { headers: { "X-Project-ID": project.id }, json: { email: user.email, password } },
      404,
      "project_not_found",
    ],
    [
      "/auth/login",
      { headers: { "X-API-Key": project.api_key }, json: { email: user.email, password } },
      403,
      "api_key_invalid",
    ],
    ["/auth/refresh", { json: { refresh_token: user.refresh_token } }, 403, "project_inactive"],
  ];
  for (const [path, init, expected, code] of cases) {
    expect([path, errorOf(await api(path, init))]).toMatchObject([path, { status: expected, code }]);
  }
  expect((await fetch(picture, { redirect: "manual" })).status).toBe(404);
  expect((await fetch(`${urls.api}/generation/${generation}/image`, { redirect: "manual" })).status).toBe(
    404,
  );
  expect(await rest(user.token)).toEqual([]);
  expect(await rest(developer.token)).toEqual([]);
  const listed = await api<{ id: string }[]>("/projects", { headers });
  expect(listed.body).toEqual([]);
});

test("a restored project has its settings, users and keys back", async () => {
  const developer = await registerDeveloper();
  const { project, headers } = developer;
  const user = await registerEndUser(project);
  const before = await api(`/projects/${project.id}`, { headers });
  await remove(developer);
  const restored = await api(`/projects/${project.id}/restore`, { method: "POST", headers });
  expect(restored.status).toBe(200);
  expect(restored.body).toEqual({ ...before.body, updated_at: restored.body.updated_at });
  expect((await api("/auth/me", { headers: user.headers })).body.id).toBe(user.id);
  const again = await api(`/projects/${project.id}/restore`, { method: "POST", headers });
  expect(again.body).toEqual(restored.body);
});

test("an owner lists their deleted projects, latest first, until removal begins; an operator lists all", async () => {
  const [developer, other] = [await registerDeveloper(), await registerDeveloper()];
  const { headers } = developer;
  const list = (query = "", as = headers) =>
    api<Project[]>(`/projects?deleted=true${query}`, { headers: as });
  const { body: second } = await api("/projects", { headers, json: { name: "Second 100%" } });
  expect((await list()).body).toEqual([]);
  await remove(developer);
  await api(`/projects/${second.id}`, { method: "DELETE", headers });
  await remove(other);

  const { body, headers: answered } = await list();
  expect(body.map(({ id }) => id)).toEqual([second.id, developer.project.id]);
  expect(answered.get("x-total-count")).toBe("2");
  expect(Date.parse(body[0]?.removed_after ?? "") - Date.parse(body[0]?.deleted_at ?? "")).toBe(
    7 * 86_400_000,
  );
  expect((await list("&search=100%25")).body.map(({ id }) => id)).toEqual([second.id]);
  expect((await list("&page_size=1&page=2")).body.map(({ id }) => id)).toEqual([developer.project.id]);
  const all = (await list("&page_size=100", operatorHeaders)).body.map(({ id }) => id);
  expect(all).toEqual(expect.arrayContaining([other.project.id, second.id]));

  await sql`update public.projects set purge_started_at = now() where id = ${second.id}`;
  expect((await list()).body.map(({ id }) => id)).toEqual([developer.project.id]);
  await api(`/projects/${developer.project.id}/restore`, { method: "POST", headers });
  expect((await list()).body).toEqual([]);
});

test("only the owner and operators can restore a project", async () => {
  const [developer, other] = [await registerDeveloper(), await registerDeveloper()];
  await remove(developer);
  const path = `/projects/${developer.project.id}/restore`;
  const refused = await api(path, { method: "POST", headers: other.headers });
  expect(errorOf(refused)).toMatchObject({ status: 404, code: "project_not_found" });
  expect((await api(path, { method: "POST", headers: operatorHeaders })).status).toBe(200);
});

test("a restore above the plan's number of projects is refused", async () => {
  const developer = await registerDeveloper();
  await putOnPlan(sql, developer, "free");
  await remove(developer);
  for (let index = 0; index < 5; index++)
    await api("/projects", { headers: developer.headers, json: { name: `New ${index}` } });
  const refused = await api(`/projects/${developer.project.id}/restore`, {
    method: "POST",
    headers: developer.headers,
  });
  expect(errorOf(refused)).toMatchObject({ status: 403, code: "project_limit_reached" });
});

test("running generations of a deleted project end as canceled and are not charged", async () => {
  const developer = await registerDeveloper();
  const id = crypto.randomUUID();
  await sql`
    insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, status)
    values (${id}, ${developer.project.id}, ${developer.id}, 'A lighthouse', 'some/model', 'reserved', date_trunc('month', now()), 'processing')`;
  await remove(developer);
  const [row] = await sql`select status, charge, error_code from public.generations where id = ${id}`;
  expect(row).toEqual({ status: "canceled", charge: "refunded", error_code: "project_deleted" });
});

test("a deleted project is kept for seven days, and its removal does not begin earlier", async () => {
  const developer = await registerDeveloper();
  await remove(developer);
  const [row] = await sql`
    select extract(epoch from purge_at - deleted_at)::integer as seconds from public.projects where id = ${developer.project.id}`;
  expect(row?.seconds).toBe(7 * 86_400);
  await reconcile();
  const [still] = await sql`select purge_started_at from public.projects where id = ${developer.project.id}`;
  expect(still).toEqual({ purge_started_at: null });
});

test("after seven days a project's accounts, users of Auth, keys, generations and files are removed", async () => {
  const developer = await registerDeveloper();
  const { id } = developer.project;
  const user = await registerEndUser(developer.project);
  await makePicture(user.headers);
  const files = () =>
    sql`select bucket_id from storage.objects where name like ${`${id}/%`} order by bucket_id`.then((rows) =>
      rows.map((row) => row.bucket_id),
    );
  expect(await files()).toEqual(["generations", "uploads"]);
  await remove(developer);
  await dueNow(id);
  await until(
    "the project is deleted",
    async () => {
      await reconcile();
      return sql`select id from public.projects where id = ${id}`;
    },
    (rows) => rows.length === 0,
  );
  expect(await files()).toEqual([]);
  const [left] = await sql`
    select (select count(*)::integer from auth.users where id = ${user.id}) as auth_users,
      (select count(*)::integer from public.users where project_id = ${id}) as users,
      (select count(*)::integer from public.api_keys where project_id = ${id}) as api_keys,
      (select count(*)::integer from public.generations where project_id = ${id}) as generations`;
  expect(left).toEqual({ auth_users: 0, users: 0, api_keys: 0, generations: 0 });
  const [owner] = await sql`select id from auth.users where id = ${developer.id}`;
  expect(owner?.id).toBe(developer.id);
});

test("a removal works in bounded steps, continues after a worker died, and rules out a restore", async () => {
  const developer = await registerDeveloper();
  const { id } = developer.project;
  await sql`
    insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, status, error_code, error, completed_at)
    select gen_random_uuid(), ${id}, ${developer.id}, 'A lighthouse', 'some/model', 'refunded', date_trunc('month', now()), 'failed', 'timed_out', 'Too late.', now()
    from generate_series(1, 25)`;
  await remove(developer);
  await dueNow(id);
  const [claim] = await sql`select private.claim_project_purges(1000, 120) as ids`;
  expect(claim?.ids).toContain(id);
  const [second] = await sql`select private.claim_project_purges(1000, 120) as ids`;
  expect(second?.ids).not.toContain(id);
  const [step] = await sql`select private.purge_project(${id}, 10, 120) as result`;
  expect(step?.result).toEqual({ files: [], rows: 10, done: false });

  const refused = await api(`/projects/${id}/restore`, { method: "POST", headers: developer.headers });
  expect(errorOf(refused)).toMatchObject({ status: 409, code: "restore_window_over" });

  // The worker died and its lease has ended, so the next run removes the rest.
  await dueNow(id);
  await until(
    "the project is deleted",
    async () => {
      await reconcile();
      return sql`select id from public.projects where id = ${id}`;
    },
    (rows) => rows.length === 0,
  );
  const [late] = await sql`select private.purge_project(${id}, 10, 120) as result`;
  expect(late?.result).toEqual({ files: [], rows: 0, done: true });
});

test("a removal deletes the log of webhooks in bounded steps, before the project's row", async () => {
  const developer = await registerDeveloper();
  const { id } = developer.project;
  await sql`
    with hook as (
      insert into public.webhooks (project_id, url, events, secret)
      values (${id}, 'https://events.example.org/', '{user.created}', 'whsec_AAAA') returning id)
    insert into public.webhook_deliveries (webhook_id, project_id, event, subject_id, status, finished_at)
    select hook.id, ${id}, 'user.created', gen_random_uuid(), 'delivered', now() from hook, generate_series(1, 25)`;
  await remove(developer);
  // The project is not due, so that the reconciler of another test does not remove it.
  await sql`update public.projects set purge_started_at = now() where id = ${id}`;
  const rows: number[] = [];
  for (let isDone = false; !isDone; ) {
    const [step] = await sql`select private.purge_project(${id}, 10, 3600) as result`;
    rows.push(step?.result.rows);
    isDone = step?.result.done;
  }
  expect(rows).toEqual([10, 10, 5, 1]);
});
