import { password } from "../bench/seed.ts";
import type { Subject } from "./subject.ts";

export type Traffic = {
  counts: Counts;
  /** Ends when everybody has finished the current step. */
  stop: () => Promise<void>;
};

export type Counts = {
  requests: number;
  /** Requests that named the API key of the project. */
  with_key: number;
  created: number;
  deleted: number;
  /** Answers that no client should see, as `status path`. */
  wrong: string[];
};

/** Well before an access token expires. */
const signInEveryMs = 10 * 60_000;

/** Everybody makes pictures, watches them, lists, publishes, deletes, and asks for what is not there; one after the other. */
export function startTraffic(subject: Subject): Traffic {
  // Each of them named the key once before, to register.
  const counts: Counts = { requests: 0, with_key: subject.people.length, created: 0, deleted: 0, wrong: [] };
  let isOver = false;
  const call = async (
    headers: Record<string, string>,
    method: string,
    path: string,
    right: number,
    json?: object,
  ): Promise<Record<string, unknown>> => {
    counts.requests++;
    if (headers["X-API-Key"] !== undefined) counts.with_key++;
    const response = await fetch(`${subject.api}${path}`, {
      method,
      headers: { ...headers, ...(json === undefined ? {} : { "Content-Type": "application/json" }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (response.status !== right) counts.wrong.push(`${response.status} ${method} ${path}: ${body.code}`);
    return body;
  };

  /** As a person's or the developer's app does: the same headers with a new token, after some time. */
  function renewing(email: string, first: Record<string, string>) {
    let headers = first;
    let since = Date.now();
    return async () => {
      if (Date.now() - since < signInEveryMs) return headers;
      const { "X-Project-ID": project = "" } = first;
      const { access_token } = await call(
        project === "" ? {} : { "X-Project-ID": project },
        "POST",
        "/auth/login",
        200,
        { email, password },
      );
      since = Date.now();
      headers = { ...first, Authorization: `Bearer ${access_token}` };
      return headers;
    };
  }
  const asDeveloper = renewing(subject.developer_email, subject.developer_headers);

  async function use(asPerson: () => Promise<Record<string, string>>): Promise<void> {
    for (let turn = 0; !isOver; turn++) {
      const headers = await asPerson();
      const { id } = await call(headers, "POST", "/generation/generate-v2", 200, {
        prompt: `A harbour, take ${turn}`,
      });
      if (id === undefined) continue;
      counts.created++;
      for (let look = 0; look < 5 && !isOver; look++) {
        await call(headers, "GET", `/generation/${id}/status`, 200);
        await call(headers, "GET", "/auth/me", 200);
        await call(headers, "GET", "/generation", 200);
      }
      const done = await call(headers, "GET", `/generation/${id}/status?wait=25`, 200);
      if (done.status === "completed" && turn % 3 === 0) {
        await call(headers, "PATCH", `/generation/${id}/public`, 200, { is_public: true });
        await call({}, "GET", "/generation/public", 200);
      }
      await call(headers, "GET", `/generation/${crypto.randomUUID()}/status`, 404);
      if (turn % 4 === 3) {
        await call(headers, "DELETE", `/generation/${id}`, 200);
        counts.deleted++;
      }
      await call(await asDeveloper(), "GET", `/projects/${subject.project_id}/stats`, 200);
    }
  }
  const lanes = subject.people.map(({ email, headers }) => use(renewing(email, headers)));
  return {
    counts,
    stop: async () => {
      isOver = true;
      await Promise.all(lanes);
    },
  };
}
