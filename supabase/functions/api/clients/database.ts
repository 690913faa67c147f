import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";
import { rewriteInstants } from "../instants.ts";
import type { Log } from "../logger.ts";
import type { RateLimit } from "../rate-limit.ts";
import { currentTrace } from "../trace.ts";
import { createConnections, type Json } from "./connections.ts";
import { countRequest } from "./count-request.ts";
import { DeadlineError } from "./deadlines.ts";
import {
  type Counting,
  createHotReads,
  type HotRead,
  type Scalar,
  type Sent,
  writesNothing,
} from "./hot-reads.ts";
import { createLeases, type Take } from "./leases.ts";
import type { RedisClient } from "./redis.ts";
import { statementFor } from "./statement-for.ts";
import { toApiError } from "./to-api-error.ts";

/**
 * Calls `private.<name>` and returns what it returns. Credentials come first.
 * @throws ApiError with the code that the function raised, or database_unavailable after the deadline.
 */
type Call = <T>(name: string, args: readonly Json[], deadlineMs?: number) => Promise<T>;

/** The one way to Postgres: a function of schema `private`, one round trip. */
export type Database = {
  /** For a function that changes nothing: when Redis refuses the request afterwards, it did no harm. */
  read: Call;
  /** For all others: what they changed is kept only if the request is let through. */
  write: Call;
  /**
   * A read that clients repeat, in one plain statement. `complete` is asked where that gives no row: it checks again, and knows
   * why it refuses.
   */
  readHot<T>(
    read: HotRead,
    args: readonly Scalar[],
    credentials: Sent,
    complete: () => Promise<T>,
  ): Promise<T>;
  /** The same for the calls of one request: its first one counts it, and `limit` learns how its limit stands. */
  forRequest(limit: LimitOfRequest): Database;
  /** The one object of this process, which belongs to no request. */
  readonly ofProcess: Database;
  /** Connections of this instance: how many there may be, how many are in use, and calls that wait for one. */
  pool(): { size: number; in_use: number; waiting: number };
  close(): Promise<void>;
};

/** Null is no limit; without it the request is not counted yet. */
export type LimitOfRequest = { rate_limit?: RateLimit | null };

const deadlineDefaultMs = 8_000;

/** `rate_limit` is text where the limit was announced and not counted yet. */
type Row<T> = { result: T; rate_limit: RateLimit | string | null };
type Caller = { readonly [key: string]: Json | undefined };
/** `rate_limit` is missing where nothing was counted. */
type Answer<T> = { result: T; rate_limit?: RateLimit | null };
type Counted = { rate_limit: RateLimit };

/** Functions that authorize take the credentials of the request first. */
function callerOf([first]: readonly Json[]): Caller | undefined {
  return typeof first === "object" && first !== null && !Array.isArray(first) ? (first as Caller) : undefined;
}

/** For what Redis was asked to count and did not. */
const counting = "select private.count_request($1) as rate_limit";

export function createDatabase(env: Env, redis: RedisClient, log: Log): Database {
  const connections = createConnections(env, log);
  const statements = new Map<string, string>();
  let running = 0;

  const send = <Found>(text: string, args: readonly Json[], deadlineMs: number) =>
    connections.use((connection) => connection.ask<Found>(text, args), deadlineMs);

  /** A limit that Redis counts, `asked` requests of it at once, or Postgres by `count` when Redis does not answer. */
  async function countLimit<Limit>(
    limit: Limit | string,
    asked = 1,
    count = (text: string) => send<Counted>(counting, [text], deadlineDefaultMs),
  ): Promise<Limit | Take> {
    if (typeof limit !== "string") return limit;
    return countRequest(redis, limit, asked, async () => (await count(limit)).rate_limit);
  }

  /** For a change: it is kept only if Redis then lets the request through. */
  function sendIfAllowed<T>(text: string, args: readonly Json[], deadlineMs: number): Promise<Answer<T>> {
    return connections.use(async ({ ask, tell }) => {
      await tell("begin");
      try {
        const { result, rate_limit: limit } = await ask<Row<T>>(text, args);
        const rate_limit = await countLimit(limit, 1, async (announced) => {
          await tell("reset role");
          return ask(counting, [announced]);
        });
        await tell("commit");
        return { result, rate_limit };
      } catch (error) {
        await tell("rollback");
        throw error;
      }
    }, deadlineMs);
  }

  /** Credentials of a request that was counted say so. */
  const sentOf = (caller: Caller, args: readonly Json[], limit: LimitOfRequest): readonly Json[] =>
    limit.rate_limit === undefined ? args : [{ ...caller, rate_limit: limit.rate_limit }, ...args.slice(1)];

  async function call<T>(
    kind: "read" | "write",
    name: string,
    args: readonly Json[],
    deadlineMs: number,
    limit: LimitOfRequest,
  ): Promise<Answer<T>> {
    const caller = callerOf(args);
    const isInRedis = caller !== undefined && limit.rate_limit === undefined && redis.isUsable();
    const key = `${name}/${args.length}/${isInRedis}`;
    let text = statements.get(key);
    if (text === undefined) {
      text = statementFor(name, args, !isInRedis);
      statements.set(key, text);
    }
    if (caller === undefined) return { result: (await send<Answer<T>>(text, args, deadlineMs)).result };
    if (!isInRedis) return send<Answer<T>>(text, sentOf(caller, args, limit), deadlineMs);
    const told = [{ ...caller, counter: "redis" }, ...args.slice(1)];
    if (kind === "write") return sendIfAllowed(text, told, deadlineMs);
    const { result, rate_limit } = await send<Row<T>>(text, told, deadlineMs);
    return { result, rate_limit: await countLimit(rate_limit) };
  }

  const hot = createHotReads();

  /** Measures the work, remembers how the limit stands, and makes of every failure an ApiError. */
  async function settle<T>(name: string, limit: LimitOfRequest, work: () => Promise<Answer<T>>): Promise<T> {
    running++;
    const start = performance.now();
    try {
      const { result, rate_limit } = await work();
      rewriteInstants(result);
      if (rate_limit !== undefined) limit.rate_limit ??= rate_limit;
      return result;
    } catch (error) {
      const refusal = error instanceof DeadlineError ? lateness(name, error) : toApiError(error);
      if (refusal.rateLimit !== undefined) limit.rate_limit = refusal.rateLimit;
      throw refusal;
    } finally {
      running--;
      currentTrace()?.spend("db", performance.now() - start);
    }
  }

  const calls =
    (kind: "read" | "write", limitOf: () => LimitOfRequest): Call =>
    async <T>(name: string, args: readonly Json[], deadlineMs = deadlineDefaultMs): Promise<T> => {
      if (args.includes(undefined as unknown as Json))
        throw new TypeError(`private.${name}: an argument is undefined`);
      const limit = limitOf();
      return settle(name, limit, () => call<T>(kind, name, args, deadlineMs, limit));
    };

  const lend = createLeases();

  async function readHot<T>(
    limit: LimitOfRequest,
    read: HotRead,
    args: readonly Scalar[],
    credentials: Sent,
    complete: () => Promise<T>,
  ): Promise<T> {
    // A statement that is planned anew each time takes five times as long as the functions, whose plans Postgres keeps.
    const statement = connections.prepares ? hot.statementOf(read, args, credentials) : undefined;
    if (statement === undefined) return complete();
    const find = async <Limit>(counting: Counting, asked?: number) => {
      type Found = { result: T; rate_limit: Limit };
      const { text, values } = statement(counting, asked);
      return read.isShort && writesNothing(counting)
        ? connections.read<Found>(text, values, deadlineDefaultMs)
        : connections.use((connection) => connection.find<Found>(text, values), deadlineDefaultMs);
    };
    const counted: Counting = redis.isUsable() ? "announced" : "counted";

    async function countOne(): Promise<Answer<T | undefined>> {
      const row = await find<RateLimit | string | null>(counted);
      return { result: row?.result, rate_limit: row && (await countLimit(row.rate_limit)) };
    }

    async function useLease(bucket: string): Promise<Answer<T | undefined>> {
      return lend(bucket, async (asked) => {
        if (asked === 0) {
          const row = await find<number | null>("told");
          return { result: row?.result, limit: row?.rate_limit };
        }
        const row = await find<Take | string | null>(counted === "counted" ? "taken" : counted, asked);
        return { result: row?.result, take: row && (await countLimit(row.rate_limit, asked)) };
      });
    }

    const found = await settle(read.name, limit, async () => {
      if (limit.rate_limit !== undefined) return { result: (await find("left"))?.result };
      return read.limit === "reads" ? useLease(`reads:${credentials.user_id}`) : countOne();
    });
    return found ?? hot.passOver(credentials, complete);
  }

  const databaseOf = (limitOf: () => LimitOfRequest): Database => ({
    read: calls("read", limitOf),
    write: calls("write", limitOf),
    readHot: (...asked) => readHot(limitOf(), ...asked),
    forRequest: (limit) => databaseOf(() => limit),
    get ofProcess() {
      return ofProcess;
    },
    pool() {
      const size = env.database_pool_size;
      return { size, in_use: Math.min(running, size), waiting: Math.max(running - size, 0) };
    },
    close: () => connections.close(),
  });

  // Of no request: each call is counted by itself.
  const ofProcess = databaseOf(() => ({}));
  return ofProcess;
}

const lateness = (name: string, cause: DeadlineError) =>
  new ApiError("database_unavailable", { cause: new Error(`private.${name}`, { cause }) });
