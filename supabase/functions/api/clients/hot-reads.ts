import { BoundedMap } from "../bounded-map.ts";
import { ApiError } from "../errors.ts";

/**
 * A read that end users' clients repeat: one plain statement over the views of supabase/schemas/45_hot_reads.sql. It gives a row
 * only if everything about the request is in order. Otherwise it gives no row and no reason.
 */
export type HotRead = {
  name: string;
  /** The limit that counts it. */
  limit: "reads" | "requests";
  /** Whether it needs all the credentials of an app. */
  needsKeys: boolean;
  /** Whether it finds one row by its key, so that others may wait for it on the same connection. */
  isShort: boolean;
  /** A query of at most one row with the column `result`. `caller` is its row of private.live_end_users, $1 its first argument. */
  query: string;
};

/** The credentials that a hot read uses. */
export type Sent = {
  user_id?: string;
  session_id?: string;
  project_id?: string;
  role?: string;
  operator_key_hash?: string;
  developer_key_hash?: string;
  api_key_hash?: string;
  /** The browser's Origin header, when the request has one. */
  origin?: string;
};

/**
 * What a statement does with the limit. `counted` counts this request; `taken` counts the number in the last argument.
 * `announced` returns the limit for Redis. `told` reads the limit for a request that was already counted. `left` does nothing.
 */
export type Counting = "counted" | "taken" | "announced" | "told" | "left";
export const writesNothing = (counting: Counting) => counting !== "counted" && counting !== "taken";
export type Scalar = string | number | null;

const windows = { reads: 60, requests: 86_400 };
const passedOverMs = 30_000;

export function createHotReads() {
  const texts = new Map<string, string>();
  /** Callers for whom the plain statement gave no row. Their next request skips it. */
  const passedOver = new BoundedMap<string, number>(1_000);

  return {
    /** Makes the statement of a request. Undefined when a hot read cannot answer it: for another kind of caller or missing keys. */
    statementOf(read: HotRead, args: readonly Scalar[], sent: Sent) {
      const { user_id, session_id, operator_key_hash, role = "end_user" } = sent;
      if (user_id === undefined || session_id === undefined) return undefined;
      if (operator_key_hash !== undefined || role !== "end_user") return undefined;
      const optional = [sent.project_id, sent.developer_key_hash, sent.api_key_hash, sent.origin];
      if (read.needsKeys && optional.slice(0, 3).includes(undefined)) return undefined;
      if ((passedOver.get(identityOf(sent)) ?? 0) > performance.now()) return undefined;
      const values: Scalar[] = [...args, session_id, user_id];
      for (const value of optional) if (value !== undefined) values.push(value);
      return (counting: Counting, asked = 1) => {
        const shape = `${read.name}/${counting}/${optional.map((value) => value !== undefined)}`;
        let text = texts.get(shape);
        if (text === undefined) {
          text = textOf(read, args.length, sent, counting);
          texts.set(shape, text);
        }
        return { text, values: counting === "taken" ? [...values, asked] : values };
      };
    },

    /** Runs the complete function. The caller's next request uses it at once, unless only the requested row was missing. */
    async passOver<T>(sent: Sent, complete: () => Promise<T>): Promise<T> {
      let isPassedOver = true;
      try {
        return await complete();
      } catch (error) {
        isPassedOver = !(error instanceof ApiError && error.status === 404);
        throw error;
      } finally {
        if (isPassedOver) {
          passedOver.set(identityOf(sent), performance.now() + passedOverMs);
        }
      }
    },
  };
}

const identityOf = ({ session_id, project_id, developer_key_hash, api_key_hash, origin }: Sent) =>
  `${session_id}/${project_id}/${developer_key_hash}/${api_key_hash}/${origin}`;

/**
 * Credentials that were not sent are not in the text, so that they cost no planning. `offset 0` fixes the order: the caller is
 * found and set before a policy reads it.
 */
function textOf(read: HotRead, arity: number, sent: Sent, counting: Counting): string {
  let place = arity;
  const next = () => `$${++place}`;
  const joins: string[] = [];
  const found = [`u.session_id = ${next()}`, `u.user_id = ${next()}`];
  if (sent.project_id !== undefined) found.push(`u.project_id = ${next()}`);
  if (sent.developer_key_hash !== undefined) {
    joins.push(
      `join private.live_developer_keys d on d.owner_id = u.owner_id and d.key_hash = decode(${next()}, 'hex')`,
    );
    // Management keys are refused in requests from a browser.
    if (sent.origin !== undefined) found.push("not d.management");
  }
  if (sent.api_key_hash !== undefined)
    joins.push(
      `join private.live_api_keys a on a.project_id = u.project_id and a.key_hash = decode(${next()}, 'hex')`,
    );
  if (sent.origin !== undefined)
    found.push(`(u.allowed_origins = '{*}' or private.is_origin_allowed(${next()}, u.allowed_origins))`);
  return `select own.result, ${limitOf(read, counting, next)} as rate_limit
    from (
      select u.*, set_config('app.user_id', u.user_id::text, true) as remembered_user,
        set_config('app.project_id', u.project_id::text, true) as remembered_project
      from private.live_end_users u ${joins.join(" ")}
      where ${found.join(" and ")}
      offset 0
    ) as caller
    cross join lateral (${read.query} offset 0) as own`;
}

/** The limit as private.authorize announces it. It is evaluated only for a row that was found. */
function limitOf({ limit }: HotRead, counting: Counting, next: () => string): string {
  const [allowed, whom] =
    limit === "reads"
      ? ["caller.reads_per_minute", "caller.user_id"]
      : ["caller.requests_per_day", "caller.project_id"];
  const announced = `'${limit}|${limit}:' || ${whom} || '|' || ${allowed} || '|${windows[limit]}'`;
  const count = (call: string) => `case when ${allowed} is not null then private.${call} end`;
  switch (counting) {
    case "left":
      return "null";
    case "told":
      return allowed;
    case "announced":
      return announced;
    case "counted":
      return count(`count_request(${announced})`);
    case "taken":
      return count(`take_requests(${announced}, ${next()})`);
  }
}
