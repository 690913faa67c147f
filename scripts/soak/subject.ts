import type { Sql } from "postgres";
import { registerDeveloper, registerPerson, type Tenant } from "../bench/seed.ts";
import { loopback, type Ports } from "../local/settings.ts";

/** A developer, and people who use the app of that developer at the same time. */
export interface Subject extends Tenant {
  api: string;
  people: { email: string; headers: Record<string, string> }[];
}

export async function makeSubject(
  ports: Ports,
  operatorKey: string,
  admin: Sql,
  count = 4,
): Promise<Subject> {
  const tenant = await registerDeveloper(ports, operatorKey, admin);
  const people: Subject["people"] = [];
  for (let n = 0; n < count; n++) people.push(await registerPerson(ports, tenant));
  return { ...tenant, api: `http://${loopback}:${ports.gateway}/api/v1`, people };
}
