import postgres from "postgres";
import type { Env } from "../env.ts";
import { ApiError, isErrorCode } from "../errors.ts";
import { parseAnnounced, type RateLimit } from "../limits.ts";
import { type RedisClient, RedisUnavailable } from "./redis.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** The one way to Postgres: a function of schema `private`, one round trip. */
export type Database = {
  /**
   * Calls `private.<name>` and returns what it returns. A first argument that holds credentials learns its `rate_limit` here.
   * @throws ApiError with the code that the function raised, or database_unavailable after the deadline.
   */
  call<T>(name: string, args: readonly Json[], deadlineMs?: number): Promise<T>;
  close(): Promise<void>;
};

const deadlineDefaultMs = 8_000;

/** postgres.js can leave a query with a connection that never opens; what was not written by then is sent anew. */
const resendAfterMs = 1_000;

/** A query that was not written and is canceled is never executed, so that sending it again cannot do it twice. */
const wasWritten = (query: object) => (query as { state?: unknown }).state !== null;

/** `rate_limit` is text where it was announced and not counted. */
type Row<T> = { result: T; rate_limit: RateLimit | string | null };
type Caller = { [key: string]: Json | undefined; rate_limit?: RateLimit | null };

/** Functions that change nothing: what Redis then refuses did no harm. */
const isRead = /^(get|list|find|check)_/;

/** The credentials of the request, which every function that authorizes takes first. */
function callerOf([first]: readonly Json[]): Caller | undefined {
  return typeof first === "object" && first !== null && !Array.isArray(first) ? (first as Caller) : undefined;
}

async function countInPostgres(sql: Pick<postgres.Sql, "unsafe">, announced: string): Promise<RateLimit> {
  const [row] = await sql.unsafe<{ rate_limit: RateLimit }[]>(
    "select private.count_request($1) as rate_limit",
    [announced],
    { prepare: true },
  );
  return (row as { rate_limit: RateLimit }).rate_limit;
}

/** @throws ApiError database_unavailable at the deadline, after `onLate`. */
async function before<T>(deadlineMs: number, name: string, work: Promise<T>, onLate: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onLate();
      const cause = new Error(`private.${name}: no answer in ${deadlineMs} ms`);
      reject(new ApiError("database_unavailable", { cause }));
    }, deadlineMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export function createDatabase(env: Env, redis: RedisClient): Database {
  const url = new URL(env.database_url);
  const pooled = url.port === "6543" || url.searchParams.get("pgbouncer") === "true";
  const sql = postgres(env.database_url, {
    max: env.database_pool_size,
    prepare: env.database_prepare === undefined ? !pooled : env.database_prepare === "true",
    ssl: "prefer",
    fetch_types: false,
    idle_timeout: 60,
    connect_timeout: 5,
    // The library's own waits grow to minutes: a database that is back must be used again at once.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    max_lifetime: 60 * 30,
    onnotice: () => {},
    connection: { application_name: "cloud-api" },
  });
  const statements = new Map<string, string>();

  /** One statement: the function, and then the limit that it announced, counted or only told. */
  function statementOf(name: string, argCount: number, isCounted: boolean): string {
    const key = `${name}/${argCount}/${isCounted}`;
    const known = statements.get(key);
    if (known !== undefined) return known;
    const call = `select private.${name}(${Array.from({ length: argCount }, (_, at) => `$${at + 1}`).join(", ")}) as result`;
    const limit = isCounted
      ? "case when current_setting('app.limit', true) <> '' then private.count_request(current_setting('app.limit')) end"
      : "nullif(current_setting('app.limit', true), '')";
    const text = `select result, ${limit} as rate_limit from (${call}) as call`;
    statements.set(key, text);
    return text;
  }

  /** Sends one statement, anew when the driver lost it, and ends it at the deadline. */
  async function send<T>(
    name: string,
    text: string,
    args: readonly Json[],
    deadlineMs: number,
  ): Promise<Row<T>> {
    const begin = () => sql.unsafe<Row<T>[]>(text, args as never[], { prepare: true });
    let query = begin();
    let resendTimer: ReturnType<typeof setTimeout> | undefined;
    const resent = new Promise<Row<T>[]>((resolve, reject) => {
      resendTimer = setTimeout(() => {
        if (wasWritten(query)) return;
        const lost = query;
        query = begin();
        query.then(resolve, reject);
        lost.cancel();
      }, resendAfterMs);
    });
    const first = query;
    const answered = first.catch((error) => {
      if (query !== first) return resent;
      throw error;
    });
    try {
      const rows = await before(deadlineMs, name, Promise.race([answered, resent]), () => query.cancel());
      return rows[0] as Row<T>;
    } finally {
      clearTimeout(resendTimer);
    }
  }

  /** What it does is kept only if Redis lets the request through. */
  async function sendIfAllowed<T>(
    name: string,
    text: string,
    args: readonly Json[],
    deadlineMs: number,
  ): Promise<Row<T>> {
    let isLate = false;
    const work = sql.begin(async (transaction) => {
      const [row] = await transaction.unsafe<Row<T>[]>(text, args as never[], { prepare: true });
      if (isLate) throw new Error("nobody waits any more");
      if (typeof row?.rate_limit === "string") {
        row.rate_limit = await countInRedis(row.rate_limit, async (announced) => {
          await transaction.unsafe("reset role");
          return countInPostgres(transaction, announced);
        });
      }
      return row as Row<T>;
    });
    return before(deadlineMs, name, work, () => {
      isLate = true;
    }) as Promise<Row<T>>;
  }

  async function countInRedis(
    announced: string,
    otherwise: (announced: string) => Promise<RateLimit>,
  ): Promise<RateLimit> {
    const limit = parseAnnounced(announced);
    if (!("bucket" in limit)) return limit;
    try {
      const { bucket, ...told } = limit;
      const { allowed, used, resets_in } = await redis.count(bucket, limit.limit, limit.window);
      const rate = { ...told, remaining: Math.max(0, limit.limit - used), resets_in };
      if (!allowed) throw new ApiError("rate_limited", { rateLimit: rate });
      return rate;
    } catch (error) {
      if (error instanceof RedisUnavailable) return otherwise(announced);
      throw error;
    }
  }

  return {
    async call<T>(name: string, args: readonly Json[], deadlineMs = deadlineDefaultMs): Promise<T> {
      if (args.includes(undefined as unknown as Json))
        throw new TypeError(`private.${name}: an argument is undefined`);
      const caller = callerOf(args);
      const isInRedis = caller !== undefined && caller.rate_limit === undefined && redis.isUsable();
      const text = statementOf(name, args.length, !isInRedis);
      try {
        let row: Row<T>;
        if (!isInRedis) {
          row = await send<T>(name, text, args, deadlineMs);
        } else {
          const told = [{ ...caller, counter: "redis" }, ...args.slice(1)];
          row = await (isRead.test(name) ? send : sendIfAllowed)<T>(name, text, told, deadlineMs);
          if (typeof row.rate_limit === "string")
            row.rate_limit = await countInRedis(row.rate_limit, (announced) =>
              countInPostgres(sql, announced),
            );
        }
        if (caller !== undefined) caller.rate_limit ??= row.rate_limit as RateLimit | null;
        return row.result;
      } catch (error) {
        const refusal = toApiError(error);
        if (caller !== undefined && refusal.rateLimit !== undefined) caller.rate_limit = refusal.rateLimit;
        throw refusal;
      }
    },
    close: () => sql.end({ timeout: 2 }),
  };
}

// SQLSTATE classes of a server that cannot serve right now, and the codes of sockets and of postgres.js.
const unavailable = /^(08|40|53|57|58|CONNECT|ECONN|EPIPE|ENOTFOUND|EAI_|ETIMEDOUT|EHOSTUNREACH)/;

/** SQLSTATE PT<status> carries one of our codes in its message; everything else is a failure of the server or of ours. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code = "", message = "", detail } = error as { code?: string; message?: string; detail?: string };
  if (code.startsWith("PT") && isErrorCode(message)) {
    if (detail?.startsWith("{")) return new ApiError(message, { rateLimit: JSON.parse(detail) as RateLimit });
    const seconds =
      message.endsWith("_exceeded") || message.endsWith("_reached") ? Number(detail) : Number.NaN;
    return new ApiError(message, Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {});
  }
  if (code === "22021" || code === "22P05") return new ApiError("invalid_text", { cause: error });
  if (unavailable.test(code)) return new ApiError("database_unavailable", { cause: error });
  return new ApiError("internal_error", { cause: error });
}
