import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import { createKey } from "../../supabase/functions/api/key.ts";
import { keysOfPort } from "../local/keys.ts";
import { Problem } from "../local/problem.ts";
import { loopback, type Ports } from "../local/settings.ts";
import { addGenerations } from "./scale/rows.ts";

export const password = "Bench-pass-1234";
const people = 10;

export type Person = {
  id: string;
  email: string;
  /** All credentials of this person. */
  headers: Record<string, string>;
};

/** A developer, and the project of the registration. */
export type Tenant = {
  project_id: string;
  api_key_id: string;
  developer_email: string;
  /** Bearer of the developer. */
  developer_headers: Record<string, string>;
  /** Identify the app: developer key, project id and API key. */
  app_headers: Record<string, string>;
};

/** A developer's project and its users, with finished generations. */
export type Facts = Tenant & {
  people: (Person & { generation_id: string })[];
  /** A user with many generations, and the cursor of the second-to-last page. */
  heavy: Person & { cursor: string };
  /** The number of that user's last page of 20. */
  deep_page: number;
  /** A well-formed key that does not exist, and a revoked one. */
  unknown_key: string;
  revoked_key: string;
  publishable_key: string;
};

/** Creates the data of the scenarios: accounts and keys through the API, older pictures in the database. */
export async function seed(ports: Ports, operatorKey: string, admin: Sql, deepPage = 5_000): Promise<Facts> {
  const call = caller(ports);
  const tenant = await registerDeveloper(ports, operatorKey, admin);
  const { project_id, developer_headers } = tenant;
  const register = async (generations: number) => {
    const person = await registerPerson(ports, tenant);
    await addGenerations(admin, { project_id, user_id: person.id }, generations);
    return person;
  };
  const persons: Facts["people"] = [];
  for (let n = 1; n <= people; n++) {
    const person = await register(60);
    const [newest] = await admin`select id from public.generations
      where user_id = ${person.id} and status = 'completed' order by created_at desc limit 1`;
    persons.push({ ...person, generation_id: newest?.id });
  }
  const heavy = await register(deepPage * 20);
  await admin`vacuum (analyze) public.generations`;
  const page = await call("GET", `/generation?page=${deepPage - 1}&per_page=20`, heavy.headers);
  const keys = `/projects/${project_id}/api-keys`;
  const revoked = await call("POST", keys, developer_headers, { name: "Revoked" });
  await call("DELETE", `${keys}/${revoked.id}`, developer_headers);
  return {
    ...tenant,
    people: persons,
    heavy: { ...heavy, cursor: String(page.next_cursor) },
    deep_page: deepPage,
    unknown_key: createKey("ak").key,
    revoked_key: String(revoked.key),
    publishable_key: keysOfPort(ports.gateway).publishable,
  };
}

export async function registerDeveloper(ports: Ports, operatorKey: string, admin: Sql): Promise<Tenant> {
  const email = `bench-developer-${randomUUID()}@example.com`;
  const operator = { "X-Operator-Key": operatorKey };
  const developer = await caller(ports)("POST", "/auth/register", operator, { email, password });
  await takeBenchPlan(admin, String(developer.id));
  const provisioned = developer.provisioning as Record<string, string>;
  const { project_id = "", developer_key = "", api_key = "" } = provisioned;
  const [key] = await admin`select id from public.api_keys where project_id = ${project_id}`;
  return {
    project_id,
    api_key_id: key?.id,
    developer_email: email,
    developer_headers: { Authorization: `Bearer ${developer.access_token}` },
    app_headers: { "X-Developer-Key": developer_key, "X-Project-ID": project_id, "X-API-Key": api_key },
  };
}

export async function registerPerson(ports: Ports, { app_headers }: Tenant): Promise<Person> {
  const email = `bench-person-${randomUUID()}@example.com`;
  const user = await caller(ports)("POST", "/auth/register", app_headers, { email, password });
  return {
    id: String(user.id),
    email,
    headers: { ...app_headers, Authorization: `Bearer ${user.access_token}` },
  };
}

/** Signs in and gives the headers of the account. Without a project it is a developer's account. */
export async function signIn(ports: Ports, email: string, headers: Record<string, string>) {
  const { "X-Project-ID": project } = headers;
  const named: Record<string, string> = project === undefined ? {} : { "X-Project-ID": project };
  const { access_token } = await caller(ports)("POST", "/auth/login", named, { email, password });
  return { ...headers, Authorization: `Bearer ${access_token}` };
}

export const signInDeveloper = async <T extends Tenant>(ports: Ports, tenant: T): Promise<T> => ({
  ...tenant,
  developer_headers: await signIn(ports, tenant.developer_email, tenant.developer_headers),
});

/** Signs the same accounts in again. */
export async function signInAll(ports: Ports, facts: Facts): Promise<Facts> {
  const again = async <T extends Person>(person: T): Promise<T> => ({
    ...person,
    headers: await signIn(ports, person.email, person.headers),
  });
  return {
    ...(await signInDeveloper(ports, facts)),
    people: await Promise.all(facts.people.map(again)),
    heavy: await again(facts.heavy),
  };
}

/** Sets a plan whose limits are counted as usual but never reached. */
async function takeBenchPlan(admin: Sql, developerId: string): Promise<void> {
  const columns = await admin<{ column_name: string }[]>`select column_name from information_schema.columns
    where table_schema = 'public' and table_name = 'plans' and data_type = 'integer'`;
  const limits = Object.fromEntries(columns.map(({ column_name }) => [column_name, 1_000_000_000]));
  await admin`insert into public.plans ${admin({ id: "bench", ...limits })} on conflict (id) do nothing`;
  await admin`update public.users set plan_id = 'bench' where id = ${developerId}`;
}

const caller =
  ({ gateway }: Ports) =>
  async (method: string, path: string, headers: Record<string, string>, json?: object) => {
    const response = await fetch(`http://${loopback}:${gateway}/api/v1${path}`, {
      method,
      headers: { ...headers, ...(json && { "Content-Type": "application/json" }) },
      ...(json && { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    if (!response.ok) throw new Problem(`${path} answered ${response.status}: ${body.detail}`);
    return body;
  };
