import { createHash, randomBytes, randomUUID } from "node:crypto";
import { inject } from "vitest";
import {
  type Developer,
  type EndUser,
  freshEmail,
  password,
  registerDeveloper,
  registerEndUser,
} from "./api.ts";
import { admin, claimsOf } from "./sql.ts";

/** One tenant: a developer with a project, two people in it, a deleted project, keys and generations. */
export type Side = {
  developer: Developer;
  project_id: string;
  deleted_project_id: string;
  user: EndUser;
  peer: EndUser;
  /** All people of this tenant, including the developer. */
  people: string[];
};

export type World = {
  a: Side;
  b: Side;
  /** An end user of A whose account was deactivated after the token was issued. */
  deactivated: EndUser;
  operator: { id: string; token: string; operator_key: string };
};

/** Makes two separate tenants through the API, with real tokens. */
export async function makeWorld(): Promise<World> {
  const [a, b, operator] = await Promise.all([makeSide(), makeSide(), makeOperator()]);
  const deactivated = await registerEndUser(a.developer.project);
  a.people.push(deactivated.id);
  await addGeneration(a.project_id, deactivated.id);
  await admin`update public.users set deactivated_at = now() where id = ${deactivated.id}`;
  await keepSession(deactivated);
  return { a, b, deactivated, operator };
}

/** Adds a session to a closed account, as a simultaneous sign-in can leave one. */
async function keepSession({ id, token }: { id: string; token: string }): Promise<void> {
  await admin`insert into auth.sessions (id, user_id)
    values (${String(claimsOf(token).session_id)}, ${id}) on conflict do nothing`;
}

/** Users with tokens whose project or account was closed, each with a picture. */
export async function makeClosed() {
  const [closing, closed] = await Promise.all([registerDeveloper(), registerDeveloper()]);
  const userOf = async (developer: Developer, changes: Record<string, unknown>) => {
    const project_id = randomUUID();
    await admin`insert into public.projects (id, owner_id, name) values (${project_id}, ${developer.id}, 'Closed')`;
    const headers = { "X-Developer-Key": developer.project.developer_key, "X-Project-ID": project_id };
    const user = await registerEndUser({ ...developer.project, id: project_id, headers });
    for (const id of [user.id, developer.id]) await addGeneration(project_id, id);
    await admin`update public.projects set ${admin(changes as never)} where id = ${project_id}`;
    return user;
  };
  const [deleted, inactive, unverified, owned] = await Promise.all([
    userOf(closing, { deleted_at: new Date() }),
    userOf(closing, { is_active: false }),
    userOf(closing, { email_verification: "required" }),
    userOf(closed, { name: "Of a closed account" }),
  ]);
  await admin`update public.users set deactivated_at = now() where id = ${closed.id}`;
  await Promise.all([closed, owned].map(keepSession));
  return {
    "end user of a deleted project": deleted,
    "end user of an inactive project": inactive,
    "end user who had to verify": unverified,
    "deactivated developer": closed,
    "end user of a deactivated developer": owned,
  };
}

async function makeSide(): Promise<Side> {
  const developer = await registerDeveloper();
  const project_id = developer.project.id;
  const user = await registerEndUser(developer.project);
  const peer = await registerEndUser(developer.project);
  const deleted_project_id = randomUUID();
  await admin`insert into public.projects (id, owner_id, name, deleted_at)
    values (${deleted_project_id}, ${developer.id}, 'Deleted', now())`;
  await admin`insert into public.api_keys (project_id, key_prefix, key_hash)
    values (${deleted_project_id}, 'ak_gone1', ${randomBytes(32)})`;
  for (const project of [project_id, deleted_project_id])
    await admin`insert into public.webhooks (project_id, url, events, secret, is_active)
      values (${project}, 'https://events.example.org/', '{quota.reached}', ${`whsec_${randomBytes(24).toString("base64")}`}, false)`;
  for (const id of [user.id, peer.id, developer.id]) {
    await addGeneration(project_id, id);
    await addGeneration(deleted_project_id, id);
  }
  return {
    developer,
    project_id,
    deleted_project_id,
    user,
    peer,
    people: [developer.id, user.id, peer.id],
  };
}

/** Adds a completed generation and its charge, as the pipeline does. */
export async function addGeneration(projectId: string, userId: string): Promise<string> {
  const id = randomUUID();
  const outputs = admin.json([{ path: `${projectId}/${id}/0.png`, content_type: "image/png" }]);
  await admin`
    insert into public.generation_usage as usage (project_id, month, generations)
    values (${projectId}, date_trunc('month', now() at time zone 'utc')::date, 1)
    on conflict (project_id, month) do update set generations = usage.generations + 1`;
  await admin`
    insert into public.generations
      (id, project_id, user_id, status, instructions, model, outputs, charge, charged_month, completed_at)
    values (${id}, ${projectId}, ${userId}, 'completed', 'A lighthouse', 'owner/model', ${outputs}, 'committed',
      date_trunc('month', now() at time zone 'utc')::date, now())`;
  return id;
}

async function makeOperator(): Promise<World["operator"]> {
  const { urls, keys } = inject("stack");
  const [id, email] = [randomUUID(), freshEmail("operator")];
  const auth = async (path: string, apikey: string | undefined, json: unknown) => {
    const response = await fetch(`${urls.gateway}/auth/v1${path}`, {
      method: "POST",
      headers: { apikey: apikey ?? "", "content-type": "application/json" },
      body: JSON.stringify(json),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as { access_token: string };
  };
  await auth("/admin/users", keys.secret, { id, email, password, email_confirm: true });
  await admin`insert into public.users (id, role, email) values (${id}, 'operator', ${email})`;
  const operator_key = `ok_${randomBytes(24).toString("base64url")}`;
  await admin`insert into public.operator_keys (user_id, key_prefix, key_hash)
    values (${id}, ${operator_key.slice(0, 8)}, ${hashOf(operator_key)})`;
  const { access_token } = await auth("/token?grant_type=password", keys.publishable, { email, password });
  return { id, token: access_token, operator_key };
}

export function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}

/** The credentials that the API passes to `private.*` for these headers. Omitted ones are missing. */
export function credentialsOf(sent: {
  token?: string;
  project_id?: string;
  operator_key?: string;
  developer_key?: string;
  api_key?: string;
}): Record<string, string> {
  const credentials: Record<string, string> = {};
  if (sent.token !== undefined) {
    const { sub, session_id } = claimsOf(sent.token);
    Object.assign(credentials, { user_id: sub, session_id });
  }
  if (sent.project_id !== undefined) credentials.project_id = sent.project_id;
  for (const kind of ["operator", "developer", "api"] as const) {
    const key = sent[`${kind}_key`];
    if (key !== undefined) credentials[`${kind}_key_hash`] = hashOf(key).toString("hex");
  }
  return credentials;
}

/** All four credentials of an end user of this tenant. */
export function endUserCredentials(side: Side, user = side.user): Record<string, string> {
  const { developer_key, api_key, id } = side.developer.project;
  return credentialsOf({ token: user.token, project_id: id, developer_key, api_key });
}
