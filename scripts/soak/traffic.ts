import type { Sql } from "postgres";
import { type Person, registerDeveloper, registerPerson, signIn, type Tenant } from "../bench/seed.ts";
import { loopback, type Ports } from "../local/settings.ts";

/** A developer, and users of the developer's app, who all send requests at the same time. */
type Subject = Tenant & {
  ports: Ports;
  people: Person[];
};

type Traffic = {
  counts: Counts;
  /** Resolves when everybody has finished the current step. */
  stop: () => Promise<void>;
};

export type Counts = {
  requests: number;
  /** Requests with the API key of the project. */
  with_key: number;
  created: number;
  deleted: number;
  /** Unexpected answers, as `status path`. */
  wrong: string[];
};

/** Well before an access token expires. */
const signInEveryMs = 10 * 60_000;

export async function makeSubject(
  ports: Ports,
  operatorKey: string,
  admin: Sql,
  count = 4,
): Promise<Subject> {
  const tenant = await registerDeveloper(ports, operatorKey, admin);
  const people: Person[] = [];
  for (let n = 0; n < count; n++) people.push(await registerPerson(ports, tenant));
  return { ...tenant, ports, people };
}

/** Every user creates, follows, lists, publishes and deletes pictures, and requests missing ones, one after the other. */
export function startTraffic({ ports, people, project_id, ...developer }: Subject): Traffic {
  // Each user has already sent the key once, to register.
  const counts: Counts = { requests: 0, with_key: people.length, created: 0, deleted: 0, wrong: [] };
  let isOver = false;

  async function call(
    headers: Record<string, string>,
    method: string,
    path: string,
    right = 200,
    json?: object,
  ): Promise<Record<string, unknown>> {
    counts.requests++;
    if (headers["X-API-Key"] !== undefined) counts.with_key++;
    const response = await fetch(`http://${loopback}:${ports.gateway}/api/v1${path}`, {
      method,
      headers: { ...headers, ...(json && { "Content-Type": "application/json" }) },
      ...(json && { body: JSON.stringify(json) }),
    });
    const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.status !== right) counts.wrong.push(`${response.status} ${method} ${path}: ${body.code}`);
    return body;
  }

  /** The same headers, with a new token after some time, as an app does it. */
  function renewing(email: string, first: Record<string, string>) {
    let headers = first;
    let since = Date.now();
    return async () => {
      if (Date.now() - since < signInEveryMs) return headers;
      headers = await signIn(ports, email, first);
      since = Date.now();
      return headers;
    };
  }
  const asDeveloper = renewing(developer.developer_email, developer.developer_headers);

  async function use(asPerson: () => Promise<Record<string, string>>): Promise<void> {
    for (let turn = 0; !isOver; turn++) {
      const headers = await asPerson();
      const prompt = `A harbour, take ${turn}`;
      const { id } = await call(headers, "POST", "/generation/generate-v2", 200, { prompt });
      if (id === undefined) continue;
      counts.created++;
      for (let look = 0; look < 5 && !isOver; look++) {
        await call(headers, "GET", `/generation/${id}/status`);
        await call(headers, "GET", "/auth/me");
        await call(headers, "GET", "/generation");
      }
      const done = await call(headers, "GET", `/generation/${id}/status?wait=25`);
      if (done.status === "completed" && turn % 3 === 0) {
        await call(headers, "PATCH", `/generation/${id}/public`, 200, { is_public: true });
        await call({}, "GET", "/generation/public");
      }
      await call(headers, "GET", `/generation/${crypto.randomUUID()}/status`, 404);
      if (turn % 4 === 3) {
        await call(headers, "DELETE", `/generation/${id}`);
        counts.deleted++;
      }
      await call(await asDeveloper(), "GET", `/projects/${project_id}/stats`);
    }
  }
  const lanes = people.map(({ email, headers }) => use(renewing(email, headers)));
  return {
    counts,
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
    },
  };
}
