import { BoundedMap } from "../bounded-map.ts";
import { ApiError } from "../errors.ts";

/**
 * A read that clients repeat, for end users: one plain statement over the views of supabase/schemas/45_hot_reads.sql. It gives
 * no row unless everything about the request is in order, and no reason either.
 */
export type HotRead = {
  name: string;
  /** The limit that it falls under. */
  limit: "reads" | "requests";
  /** Whether it needs all the credentials of an app. */
  needsKeys: boolean;
  /** Whether it finds one row by its key, so that others may wait for it on the same connection. */
  isShort: boolean;
  /** A query of at most one row with the column `result`. `caller` is its row of private.live_end_users, $1 its first argument. */
  query: string;
};

/** The credentials of a request, as far as a hot read looks at them. */
export type Sent = {
  user_id?: string;
  session_id?: string;
  project_id?: string;
  role?: string;
  operator_key_hash?: string;
  developer_key_hash?: string;
  api_key_hash?: string;
  origin?: string;
};

/**
 * What a statement does with the limit. `counted` counts this request, `taken` as many as its last argument says.
 * `announced` names it for Redis. `told` reads it for a request that was counted with others. `left` does nothing.
 */
export type Counting = "counted" | "taken" | "announced" | "told" | "left";
export const writesNothing = (counting: Counting) => counting !== "counted" && counting !== "taken";
export type Scalar = string | number | null;

const windows = { reads: 60, requests: 86_400 };
const passedOverMs = 30_000;

export function createHotReads() {
  const texts = new Map<string, string>();
  /** Callers of whom no row came: the next time nobody looks for one. */
  const passedOver = new BoundedMap<string, number>(1_000);

  return {
    /** Makes the statement of a request. Undefined for one that no hot read answers: of somebody else, or with less than it needs. */
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

    /** Asks in the complete way, and next time at once, unless it was only what was asked for that is not there. */
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
 * What was not sent is not in the text, so that nothing is planned for it. `offset 0` keeps the parts apart: the caller is found
 * and remembered before a policy asks who it is, which otherwise would find nobody.
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
    // Keys that manage are refused on requests from a browser.
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

/** As private.authorize announces it. Evaluated for a row alone, after it was found. */
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
