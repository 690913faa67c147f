import { expect, test } from "vitest";
import {
  api,
  type Developer,
  errorOf,
  freshEmail,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { forgetMailCounts } from "../support/forget-mail-counts.ts";
import { mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();

const offer = ({ headers, project }: Developer, email: string, secret = password) =>
  api(`/projects/${project.id}/transfer`, { headers, json: { email, password: secret } });
const accept = ({ headers }: Developer, id: string) =>
  api(`/projects/${id}/transfer/accept`, { method: "POST", headers });
const offersTo = async ({ headers }: Developer) =>
  (await api<{ project_id: string }[]>("/projects/transfers", { headers })).body;

async function verifiedDeveloper(): Promise<Developer> {
  const developer = await registerDeveloper();
  const mail = await mailTo(developer.email, "Confirm your address");
  await api("/auth/verify-email", { json: { token: tokenOf(mail) } });
  return developer;
}

async function offered() {
  const [owner, receiver] = await Promise.all([registerDeveloper(), verifiedDeveloper()]);
  expect((await offer(owner, receiver.email)).status).toBe(201);
  return { owner, receiver, id: owner.project.id };
}

test("an accepted transfer moves the project and its users, and ends the access of the old owner's keys and token", async () => {
  const owner = await registerDeveloper();
  const receiver = await verifiedDeveloper();
  const endUser = await registerEndUser(owner.project);
  const { id } = owner.project;
  const management = await api("/auth/developer-keys", {
    headers: owner.headers,
    json: { name: "Server", management: true },
  });
  const byKey = { "X-Developer-Key": management.body.key };
  expect((await api(`/projects/${id}`, { headers: byKey })).status).toBe(200);

  expect(await offer(owner, receiver.email.toUpperCase())).toMatchObject({
    status: 201,
    body: { project_id: id, owner_email: owner.email, project_name: "My first project" },
  });
  expect((await mailTo(receiver.email, "is offered to you")).text).toContain(owner.email);
  expect((await offersTo(receiver)).map((one) => one.project_id)).toEqual([id]);
  expect((await api(`/projects/${id}/transfer`, { headers: receiver.headers })).status).toBe(200);
  // Nothing changes before the offer is accepted.
  expect((await api(`/projects/${id}`, { headers: receiver.headers })).status).toBe(404);
  expect((await api(`/projects/${id}`, { headers: owner.headers })).status).toBe(200);

  expect(await accept(receiver, id)).toMatchObject({ status: 200, body: { id, owner_id: receiver.id } });
  for (const headers of [owner.headers, byKey]) {
    expect(errorOf(await api(`/projects/${id}`, { headers })).status).toBe(404);
    expect(errorOf(await api(`/projects/${id}/users`, { headers })).status).toBe(404);
  }
  const list = (headers: Record<string, string>) => api("/generation", { headers });
  expect(errorOf(await list(endUser.headers)).code).toBe("developer_key_invalid");
  const newKey = { ...endUser.headers, "X-Developer-Key": receiver.project.developer_key };
  expect(errorOf(await list(newKey)).code).toBe("api_key_revoked");
  const made = await api(`/projects/${id}/api-keys`, { headers: receiver.headers, json: { name: "New" } });
  expect((await list({ ...newKey, "X-API-Key": made.body.key })).status).toBe(200);

  expect((await login(endUser.email, { "X-Project-ID": id })).token).toBeTruthy();
  const { body } = await api(`/projects/${id}/users`, { headers: receiver.headers });
  expect(body.users.map((user: { id: string }) => user.id)).toEqual([endUser.id]);
  await mailTo(owner.email, "was transferred");
  expect(errorOf(await accept(receiver, id)).code).toBe("transfer_not_found");
});

test("an accepted transfer disables the webhooks, which lead to the old owner's server", async () => {
  const { owner, receiver, id } = await offered();
  const hook = { url: "https://old-owner.example.org/events", events: ["user.created"] };
  await api(`/projects/${id}/webhooks`, { headers: owner.headers, json: hook });
  await accept(receiver, id);
  const headers = { "X-Developer-Key": receiver.project.developer_key, "X-Project-ID": id };
  await registerEndUser({ ...receiver.project, id, headers });
  const [webhook] = (await api<{ id: string }[]>(`/projects/${id}/webhooks`, { headers: receiver.headers }))
    .body;
  expect(webhook).toMatchObject({ url: hook.url, is_active: false });
  const log = await api(`/projects/${id}/webhooks/${webhook?.id}/deliveries`, { headers: receiver.headers });
  expect(log.body.deliveries).toEqual([]);
});

test("an accepted transfer clears the addresses of pages, so that no reset link leads to the old owner's server", async () => {
  const { owner, receiver, id } = await offered();
  const addresses = {
    site_url: "https://old-owner.example.org",
    verify_url: "https://old-owner.example.org/verify",
    reset_url: "https://old-owner.example.org/reset",
    mail: { logo_url: "https://old-owner.example.org/logo.png", footer: "See https://old-owner.example.org" },
  };
  const set = await api(`/projects/${id}`, { method: "PATCH", headers: owner.headers, json: addresses });
  expect(set.body).toMatchObject(addresses);
  const user = await registerEndUser(owner.project);
  const mail = { logo_url: null, footer: null };
  const none = { site_url: null, verify_url: null, reset_url: null, mail };
  expect((await accept(receiver, id)).body).toMatchObject(none);
  await api("/auth/request-password-reset", { headers: { "X-Project-ID": id }, json: { email: user.email } });
  expect((await mailTo(user.email, "Set a new password")).text).not.toContain("old-owner.example.org");
});

test("the audit log records who offered and who accepted a transfer, and no email", async () => {
  const { owner, receiver, id } = await offered();
  await accept(receiver, id);
  const events = await sql`
    select resource, action, actor_id, changes from public.audit_events where project_id = ${id} order by id`;
  expect(events.filter(({ resource }) => resource === "project_transfer")).toMatchObject([
    { action: "create", actor_id: owner.id, changes: { email: { redacted: true } } },
    { action: "delete", actor_id: receiver.id },
  ]);
  expect(events.find(({ resource, action }) => resource === "project" && action === "update")).toMatchObject({
    actor_id: receiver.id,
    changes: { owner_id: { old: owner.id, new: receiver.id } },
  });
  expect(JSON.stringify(events)).not.toContain(receiver.email);
});

test("only the developer with the verified email sees and accepts an offer", async () => {
  const { owner, id } = await offered();
  const stranger = await verifiedDeveloper();
  expect(await offersTo(stranger)).toEqual([]);
  for (const who of [stranger, owner]) expect(errorOf(await accept(who, id)).code).toBe("transfer_not_found");
  expect(errorOf(await api(`/projects/${id}/transfer`, { headers: stranger.headers })).status).toBe(404);
  expect(
    errorOf(await api(`/projects/${id}/transfer`, { method: "DELETE", headers: stranger.headers })).status,
  ).toBe(404);

  // A registration alone does not verify the email.
  await forgetMailCounts(sql, "project_offered", id);
  const address = freshEmail("squatter");
  await offer(owner, address);
  const squatter = await registerDeveloper(address);
  expect(await offersTo(squatter)).toEqual([]);
  expect(errorOf(await accept(squatter, id)).code).toBe("transfer_not_found");
  await api("/auth/verify-email", {
    json: { token: tokenOf(await mailTo(address, "Confirm your address")) },
  });
  expect((await accept(squatter, id)).status).toBe(200);
});

test("an offer to an unknown email gets the same answer as one to a developer", async () => {
  const [one, two, receiver] = await Promise.all([
    registerDeveloper(),
    registerDeveloper(),
    registerDeveloper(),
  ]);
  const [known, unknown] = [await offer(one, receiver.email), await offer(two, freshEmail("nobody"))];
  expect([known.status, Object.keys(known.body)]).toEqual([unknown.status, Object.keys(unknown.body)]);
});

test("only the owner can offer a project, with a token and the password", async () => {
  const { owner, receiver } = await offered();
  const foreign = { ...receiver, project: owner.project };
  expect(errorOf(await offer(foreign, freshEmail("mine")))).toMatchObject({
    status: 404,
    code: "project_not_found",
  });
  expect(errorOf(await offer(owner, receiver.email, "Wrong-horse-9")).code).toBe("wrong_password");
  expect(errorOf(await offer(owner, receiver.email)).code).toBe("mail_limit_exceeded");
  expect(errorOf(await offer(owner, owner.email))).toMatchObject({ status: 409, code: "transfer_to_owner" });
  expect(errorOf(await offer(owner, "nobody")).status).toBe(422);
  const endUser = await registerEndUser(owner.project);
  expect(errorOf(await offer({ ...owner, headers: endUser.headers }, receiver.email)).code).toBe(
    "developers_only",
  );
  const path = `/projects/${owner.project.id}/transfer`;
  const json = { email: receiver.email, password };
  expect(errorOf(await api(path, { headers: owner.project.headers, json })).status).toBe(401);
  expect(errorOf(await api(path, { json })).status).toBe(401);
});

test.each(["owner", "receiver"] as const)(
  "the %s can end an offer, and then nobody can accept it",
  async (who) => {
    const parties = await offered();
    const path = `/projects/${parties.id}/transfer`;
    const end = () => api(path, { method: "DELETE", headers: parties[who].headers });
    expect((await end()).status).toBe(204);
    expect(errorOf(await end())).toMatchObject({ status: 404, code: "transfer_not_found" });
    expect(errorOf(await accept(parties.receiver, parties.id)).code).toBe("transfer_not_found");
  },
);

test("an offer ends when it expires, with a newer offer and with the deletion of the project", async () => {
  const { owner, receiver, id } = await offered();
  await sql`update public.project_transfers set expires_at = now() where project_id = ${id}`;
  expect(errorOf(await accept(receiver, id)).code).toBe("transfer_not_found");
  expect(await offersTo(receiver)).toEqual([]);

  await forgetMailCounts(sql, "project_offered", id);
  await offer(owner, receiver.email);
  await forgetMailCounts(sql, "project_offered", id);
  await offer(owner, freshEmail("other"));
  expect(errorOf(await accept(receiver, id)).code).toBe("transfer_not_found");

  await forgetMailCounts(sql, "project_offered", id);
  await offer(owner, receiver.email);
  await api(`/projects/${id}`, { method: "DELETE", headers: owner.headers });
  expect(await offersTo(receiver)).toEqual([]);
  expect(errorOf(await accept(receiver, id)).code).toBe("transfer_not_found");
});

test("a transfer obeys the new owner's number of projects and clears the project's own plan", async () => {
  const { owner, receiver, id } = await offered();
  const plan = `one-${receiver.id}`;
  await sql`insert into public.plans (id, projects) values (${plan}, 1)`;
  await sql`update public.users set plan_id = ${plan} where id = ${receiver.id}`;
  await sql`update public.projects set plan_id = 'premium' where id = ${id}`;
  expect(errorOf(await accept(receiver, id))).toMatchObject({ status: 403, code: "project_limit_reached" });
  expect((await api(`/projects/${id}`, { headers: owner.headers })).status).toBe(200);
  await sql`update public.plans set projects = 2 where id = ${plan}`;
  expect(await accept(receiver, id)).toMatchObject({ status: 200, body: { plan_id: null } });
});

test("of three transfers accepted at once with room for one project, one succeeds", async () => {
  const receiver = await verifiedDeveloper();
  const plan = `two-${receiver.id}`;
  await sql`insert into public.plans (id, projects) values (${plan}, 2)`;
  await sql`update public.users set plan_id = ${plan} where id = ${receiver.id}`;
  const owners = await Promise.all([registerDeveloper(), registerDeveloper(), registerDeveloper()]);
  for (const owner of owners) await offer(owner, receiver.email);
  const answers = await Promise.all(owners.map(({ project }) => accept(receiver, project.id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403]);
});
