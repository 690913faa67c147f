import postgres from "postgres";
import type { Env } from "../env.ts";
import { ApiError, isErrorCode } from "../errors.ts";
import { currentTrace } from "../trace.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

/** The one way to Postgres: a function of schema `private`, one round trip. */
export type Database = {
  /**
   * Calls `private.<name>` and returns what it returns.
   * @throws ApiError with the code that the function raised, or database_unavailable after the deadline.
   */
  call<T>(name: string, args: readonly Json[], deadlineMs?: number): Promise<T>;
  /** Connections of this instance: how many there may be, how many are in use, and calls that wait for one. */
  pool(): { size: number; in_use: number; waiting: number };
  close(): Promise<void>;
};

const deadlineDefaultMs = 8_000;

/** postgres.js can leave a query with a connection that never opens; what was not written by then is sent anew. */
const resendAfterMs = 1_000;

/** A query that was not written and is canceled is never executed, so that sending it again cannot do it twice. */
const wasWritten = (query: object) => (query as { state?: unknown }).state !== null;

export function createDatabase(env: Env): Database {
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
  let running = 0;

  return {
    async call<T>(name: string, args: readonly Json[], deadlineMs = deadlineDefaultMs): Promise<T> {
      const key = `${name}/${args.length}`;
      let text = statements.get(key);
      if (text === undefined) {
        text = `select private.${name}(${args.map((_, index) => `$${index + 1}`).join(", ")}) as result`;
        statements.set(key, text);
      }
      if (args.includes(undefined as unknown as Json))
        throw new TypeError(`private.${name}: an argument is undefined`);
      const send = () => sql.unsafe<{ result: T }[]>(text, args as never[], { prepare: true });
      let query = send();
      let timer: ReturnType<typeof setTimeout> | undefined;
      let resendTimer: ReturnType<typeof setTimeout> | undefined;
      const resent = new Promise<{ result: T }[]>((resolve, reject) => {
        resendTimer = setTimeout(() => {
          if (wasWritten(query)) return;
          const lost = query;
          query = send();
          query.then(resolve, reject);
          lost.cancel();
        }, resendAfterMs);
      });
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          query.cancel();
          reject(
            new ApiError("database_unavailable", {
              cause: new Error(`private.${name}: no answer in ${deadlineMs} ms`),
            }),
          );
        }, deadlineMs);
      });
      const first = query;
      running++;
      const start = performance.now();
      const answered = first.catch((error) => {
        if (query !== first) return resent;
        throw error;
      });
      try {
        const rows = await Promise.race([answered, resent, deadline]);
        return rows[0]?.result as T;
      } catch (error) {
        throw toApiError(error);
      } finally {
        running--;
        currentTrace()?.spend("db", performance.now() - start);
        clearTimeout(timer);
        clearTimeout(resendTimer);
      }
    },
    pool() {
      const size = env.database_pool_size;
      return { size, in_use: Math.min(running, size), waiting: Math.max(running - size, 0) };
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
    const seconds =
      message.endsWith("_exceeded") || message.endsWith("_reached") ? Number(detail) : Number.NaN;
    return new ApiError(message, Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {});
  }
  if (code === "22021" || code === "22P05") return new ApiError("invalid_text", { cause: error });
  if (unavailable.test(code)) return new ApiError("database_unavailable", { cause: error });
  return new ApiError("internal_error", { cause: error });
}
