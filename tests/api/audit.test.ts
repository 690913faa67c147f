import { expect, inject, test } from "vitest";
import { api, type Developer, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { createManagementKey, openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();
const { urls, keys } = inject("stack");
type Event = Record<string, any>;

const audit = async ({ project, headers }: Developer, query = "") => {
  const { body } = await api<{ events: Event[]; total: number }>(`/projects/${project.id}/audit?${query}`, {
    headers,
  });
  return body;
};

test("the audit log records actor, change, origin and request of every change to a project, its users and keys", async () => {
  const developer = await registerDeveloper();
  const { project, headers } = developer;
  const user = await registerEndUser(project);
  const origin = { ...headers, "User-Agent": "audit-test/1.0", "X-Forwarded-For": "203.0.113.9" };
  const renamed = await api(`/projects/${project.id}`, {
    method: "PATCH",
    headers: { ...origin, "X-Request-Id": "rename-1" },
    json: { name: "Letters" },
  });
  expect(renamed.status).toBe(200);
  const { body: key } = await api(`/projects/${project.id}/api-keys`, {
    headers: origin,
    json: { name: "Web" },
  });
  await api(`/projects/${project.id}/api-keys/${key.id}`, { method: "DELETE", headers: origin });
  await api(`/projects/${project.id}/users/${user.id}`, {
    method: "PATCH",
    headers: origin,
    json: { is_active: false },
  });
  await api(`/projects/${project.id}/plan`, {
    method: "PATCH",
    headers: { ...operatorHeaders, "User-Agent": "operator/1.0" },
    json: { plan_id: "premium" },
  });
  const { events, total } = await audit(developer);
  expect(events.map(({ resource, action }) => `${resource} ${action}`)).toEqual([
    "project update",
    "user update",
    "api_key update",
    "api_key create",
    "project update",
    "user create",
    "api_key create",
    "project create",
  ]);
  expect(total).toBe(8);
  const [plan, closed, revoked, , rename, joined] = events;
  expect(rename).toMatchObject({
    resource_id: project.id,
    changes: { name: { old: "My first project", new: "Letters" } },
    actor_id: developer.id,
    actor_role: "developer",
    user_agent: "audit-test/1.0",
    request_id: "rename-1",
  });
  expect(rename?.ip).toMatch(/^[0-9a-f.:]+$/);
  expect(Object.keys(revoked?.changes)).toEqual(["revoked_at"]);
  expect(Object.keys(closed?.changes)).toEqual(["deactivated_at"]);
  expect(joined).toMatchObject({ actor_id: null, actor_role: "anonymous", resource_id: user.id });
  expect(plan).toMatchObject({ actor_role: "platform_operator", ip: null, user_agent: null });
  expect(plan?.changes).toEqual({ plan_id: { old: null, new: "premium" } });
});

test("the audit log contains no key hash, no email and no user's name", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  await sql`update public.users set full_name = 'Very Private' where id = ${user.id}`;
  const { events } = await audit(developer);
  const text = JSON.stringify(events);
  expect(text).not.toContain("key_hash");
  expect(text).not.toContain(user.email);
  expect(text).not.toContain("Very Private");
  expect(events[0]).toMatchObject({
    changes: { full_name: { redacted: true } },
    actor_role: "system",
    request_id: null,
  });
});

test("an update without a difference leaves no audit event, and filters and pages count the total", async () => {
  const developer = await registerDeveloper();
  const { project, headers } = developer;
  await api(`/projects/${project.id}`, { method: "PATCH", headers, json: { name: "My first project" } });
  expect((await audit(developer)).total).toBe(2);
  expect(await audit(developer, "resource=api_key&action=create")).toMatchObject({ total: 1 });
  const page = await audit(developer, "page=2&page_size=1");
  expect([page.events.length, page.total]).toEqual([1, 2]);
});

test("the audit log records a management key's change as its developer's", async () => {
  const developer = await registerDeveloper();
  const headers = await createManagementKey(sql, developer);
  await api(`/projects/${developer.project.id}`, { method: "PATCH", headers, json: { name: "Automated" } });
  const { events } = await audit(developer);
  expect(events[0]).toMatchObject({ actor_id: developer.id, actor_role: "developer" });
});

test("the audit log records changes of plans", async () => {
  await sql`update public.plans set projects = projects where id = 'premium'`;
  await sql`insert into public.plans (id, projects) values ('audited', 7)`;
  await sql`update public.plans set projects = 8 where id = 'audited'`;
  await sql`delete from public.plans where id = 'audited'`;
  const events = await sql`
    select action, changes from public.audit_events where resource = 'plan' and resource_id = 'audited' order by id`;
  expect(events.map(({ action }) => action)).toEqual(["create", "update", "delete"]);
  expect(events[1]?.changes).toEqual({ projects: { old: 7, new: 8 } });
  expect(events[2]?.changes).toEqual({});
});

test("no role can update, delete or truncate audit events, and PostgREST does not show them", async () => {
  const developer = await registerDeveloper();
  for (const role of ["postgres", "service_role", "authenticated", "anon"]) {
    for (const statement of [
      "update public.audit_events set actor_role = 'system'",
      "delete from public.audit_events",
      "truncate public.audit_events",
    ]) {
      const attempt = sql.begin(async (tx) => {
        await tx.unsafe(`set local role ${role}`);
        await tx.unsafe(statement);
      });
      await expect(attempt, `${role}: ${statement}`).rejects.toMatchObject({ code: "42501" });
    }
  }
  for (const token of [developer.token, keys.anon]) {
    const answer = await fetch(`${urls.gateway}/rest/v1/audit_events?select=id`, {
      headers: { apikey: keys.publishable ?? "", Authorization: `Bearer ${token}` },
    });
    expect(await answer.json()).toMatchObject({ code: "42501" });
  }
});

test("retention deletes audit events older than its setting, and never those younger than 30 days", async () => {
  const forge = async (days: number) => {
    const [row] = await sql<{ id: string }[]>`
      insert into public.audit_events (resource, resource_id, action, actor_role, occurred_at)
      values ('plan', 'old', 'update', 'system', now() - make_interval(days => ${days})) returning id`;
    return row?.id as string;
  };
  const [old, recent, young] = [await forge(401), await forge(60), await forge(20)];
  const left = async () => {
    const ids = [old, recent, young].map(String);
    const rows = await sql`select id from public.audit_events where id = any (${ids}::bigint[]) order by id`;
    return rows.map((row) => row.id);
  };
  await sql`select private.remove_old_audit_events(400, 1000)`;
  expect(await left()).toEqual([recent, young]);
  await sql`select private.remove_old_audit_events(1, 1000)`;
  expect(await left()).toEqual([young]);
  const forced = sql.begin(async (tx) => {
    await tx`select set_config('app.audit_retention', 'on', true)`;
    await tx`delete from public.audit_events where id = ${young}`;
  });
  await expect(forced).rejects.toMatchObject({ code: "42501" });
});

test("an end user cannot read the audit log", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const answer = await api(`/projects/${project.id}/audit`, { headers: user.headers });
  expect(errorOf(answer)).toMatchObject({ status: 403, code: "developers_only" });
});
