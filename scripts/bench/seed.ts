import { randomUUID } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { createKey } from "../../supabase/functions/api/key.ts";
import { adminUrlOf, keysOfPort } from "../local/keys.ts";
import { Problem } from "../local/problem.ts";
import { loopback, type Ports } from "../local/settings.ts";
import { addGenerations } from "./scale/rows.ts";

export const password = "Bench-pass-1234";
const people = 10;

export type Person = {
  id: string;
  email: string;
  headers: Record<string, string>;
  generation_id: string;
};

/** A developer, and the project that registration made. */
export type Tenant = {
  project_id: string;
  api_key_id: string;
  developer_email: string;
  /** Bearer of the developer. */
  developer_headers: Record<string, string>;
  /** Names the app: developer key, project id and API key. */
  app_headers: Record<string, string>;
};

/** A developer's project and people of it, with finished generations. */
export interface Facts extends Tenant {
  /** All credentials of each person. */
  people: Person[];
  /** A person with many generations, and the cursor of the last page but one. */
  heavy: Person & { cursor: string };
  /** The last page of 20 of that person. */
  deep_page: number;
  /** A well-formed key that does not exist, and a revoked one. */
  unknown_key: string;
  revoked_key: string;
  publishable_key: string;
  password: string;
}

/** Makes what the scenarios read: accounts and keys through the API, their older pictures in the database. */
export async function seed(ports: Ports, operatorKey: string, deepPage = 5_000): Promise<Facts> {
  const call = caller(`http://${loopback}:${ports.gateway}/api/v1`);
  const admin = postgres(adminUrlOf(ports), { max: 1, onnotice: () => {} });
  try {
    const developer = await registerDeveloper(ports, operatorKey, admin);
    const { project_id, app_headers, developer_headers, api_key_id } = developer;
    const register = async (count: number): Promise<Person> => {
      const person = await registerPerson(ports, developer);
      await addGenerations(admin, { project_id, user_id: person.id }, count);
      const [newest] = await admin`select id from public.generations
        where user_id = ${person.id} and status = 'completed' order by created_at desc limit 1`;
      return { ...person, generation_id: newest?.id };
    };
    const persons: Person[] = [];
    for (let n = 1; n <= people; n++) persons.push(await register(60));
    const heavy = await register(deepPage * 20);
    await admin`vacuum (analyze) public.generations`;
    const page = await call(`/generation?page=${deepPage - 1}&per_page=20`, heavy.headers);
    const revoked = await call(`/projects/${project_id}/api-keys`, developer_headers, { name: "Revoked" });
    await call(`/projects/${project_id}/api-keys/${revoked.id}`, developer_headers, undefined, "DELETE");
    return {
      project_id,
      api_key_id,
      developer_email: developer.developer_email,
      developer_headers,
      app_headers,
      people: persons,
      heavy: { ...heavy, cursor: String(page.next_cursor) },
      deep_page: deepPage,
      unknown_key: createKey("ak").key,
      revoked_key: String(revoked.key),
      password,
      publishable_key: keysOfPort(ports.gateway).publishable,
    };
  } finally {
    await admin.end();
  }
}

export async function registerDeveloper(ports: Ports, operatorKey: string, admin: Sql): Promise<Tenant> {
  const call = caller(`http://${loopback}:${ports.gateway}/api/v1`);
  const developer_email = `bench-developer-${randomUUID()}@example.com`;
  const operator = { "X-Operator-Key": operatorKey };
  const developer = await call("/auth/register", operator, { email: developer_email, password });
  await takeBenchPlan(admin, String(developer.id));
  const {
    project_id = "",
    developer_key = "",
    api_key = "",
  } = developer.provisioning as Record<string, string>;
  const [key] = await admin`select id from public.api_keys where project_id = ${project_id}`;
  return {
    project_id,
    api_key_id: key?.id,
    developer_email,
    developer_headers: { Authorization: `Bearer ${developer.access_token}` },
    app_headers: { "X-Developer-Key": developer_key, "X-Project-ID": project_id, "X-API-Key": api_key },
  };
}

export async function registerPerson(
  ports: Ports,
  { app_headers }: Tenant,
): Promise<Omit<Person, "generation_id">> {
  const email = `bench-person-${randomUUID()}@example.com`;
  const call = caller(`http://${loopback}:${ports.gateway}/api/v1`);
  const user = await call("/auth/register", app_headers, { email, password });
  return {
    id: String(user.id),
    email,
    headers: { ...app_headers, Authorization: `Bearer ${user.access_token}` },
  };
}

/** The developer with a new token. */
export async function signInDeveloper<T extends Tenant>(ports: Ports, tenant: T): Promise<T> {
  const call = caller(`http://${loopback}:${ports.gateway}/api/v1`);
  const { access_token } = await call("/auth/login", {}, { email: tenant.developer_email, password });
  return { ...tenant, developer_headers: { Authorization: `Bearer ${access_token}` } };
}

/** The same accounts with new tokens. */
export async function signIn(ports: Ports, facts: Facts): Promise<Facts> {
  const call = caller(`http://${loopback}:${ports.gateway}/api/v1`);
  const bearer = async (email: string, headers: Record<string, string>) => {
    const { access_token } = await call("/auth/login", headers, { email, password });
    return { Authorization: `Bearer ${access_token}` };
  };
  const again = async <T extends Person>(person: T): Promise<T> => {
    const project = { "X-Project-ID": facts.project_id };
    return { ...person, headers: { ...facts.app_headers, ...(await bearer(person.email, project)) } };
  };
  return {
    ...(await signInDeveloper(ports, facts)),
    people: await Promise.all(facts.people.map(again)),
    heavy: await again(facts.heavy),
  };
}

/** Limits that are counted like everybody's, but never reached. */
async function takeBenchPlan(admin: Sql, developerId: string): Promise<void> {
  const columns = await admin<{ column_name: string }[]>`select column_name from information_schema.columns
    where table_schema = 'public' and table_name = 'plans' and data_type = 'integer'`;
  const limits = Object.fromEntries(columns.map(({ column_name }) => [column_name, 1_000_000_000]));
  await admin`insert into public.plans ${admin({ id: "bench", ...limits })} on conflict (id) do nothing`;
  await admin`update public.users set plan_id = 'bench' where id = ${developerId}`;
}

function caller(api: string) {
  return async (path: string, headers: Record<string, string>, json?: object, method?: string) => {
    const response = await fetch(`${api}${path}`, {
      method: method ?? (json === undefined ? "GET" : "POST"),
      headers: { ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    if (!response.ok) throw new Problem(`${path} answered ${response.status}: ${body.detail}`);
    return body;
  };
}
