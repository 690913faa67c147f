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
import { createKnownRefusals } from "./known-refusals.ts";
import { createLeases, type Take } from "./leases.ts";
import type { RedisClient } from "./redis.ts";
import { statementFor } from "./statement-for.ts";
import { toApiError } from "./to-api-error.ts";

/**
 * Calls `private.<name>` and returns its result. The first argument is the caller's credentials.
 * @throws ApiError with the code that the function raised, or database_unavailable after the deadline.
 */
type Call = <T>(name: string, args: readonly Json[], deadlineMs?: number) => Promise<T>;

/** All access to Postgres: each call is a function of the schema `private`, in one round trip. */
export type Database = {
  /** Calls a function that changes nothing. Redis may refuse the request afterwards. */
  read: Call;
  /** Calls a function that changes something. The change is committed only if no limit refuses the request. */
  write: Call;
  /**
   * Runs a hot read in one plain statement. If that gives no row, `complete` runs the whole function, which gives the reason of a
   * refusal.
   */
  readHot<T>(
    read: HotRead,
    args: readonly Scalar[],
    credentials: Sent,
    complete: () => Promise<T>,
  ): Promise<T>;
  /** The database for one request. Its first call counts the request, and writes the state of its limit into `limit`. */
  forRequest(limit: LimitOfRequest): Database;
  /** The object of this process, which belongs to no request. */
  readonly ofProcess: Database;
  /** The pool of this instance: its size, the connections in use, and the calls that wait. */
  pool(): { size: number; in_use: number; waiting: number };
  close(): Promise<void>;
};

/** Null means no limit. Undefined means that the request is not counted yet. */
export type LimitOfRequest = { rate_limit?: RateLimit | null };

const deadlineDefaultMs = 8_000;

/** `rate_limit` is text when Postgres announced the limit but did not count the request. */
type Row<T> = { result: T; rate_limit: RateLimit | string | null };
type Caller = { readonly [key: string]: Json | undefined };
/** `rate_limit` is missing when nothing was counted. */
type Answer<T> = { result: T; rate_limit?: RateLimit | null };
type Counted = { rate_limit: RateLimit };

/** The first argument of a function that authorizes is the caller's credentials. */
function callerOf([first]: readonly Json[]): Caller | undefined {
  return typeof first === "object" && first !== null && !Array.isArray(first) ? (first as Caller) : undefined;
}

/** Counts a request that Redis did not count. */
const counting = "select private.count_request($1) as rate_limit";

export function createDatabase(env: Env, redis: RedisClient, log: Log): Database {
  const connections = createConnections(env, log);
  const statements = new Map<string, string>();
  let running = 0;

  const send = <Found>(text: string, args: readonly Json[], deadlineMs: number) =>
    connections.use((connection) => connection.ask<Found>(text, args), deadlineMs);

  /** Counts `asked` requests in Redis, or in Postgres by `count` when Redis does not answer. */
  async function countLimit<Limit>(
    limit: Limit | string,
    asked = 1,
    count = (text: string) => send<Counted>(counting, [text], deadlineDefaultMs),
  ): Promise<Limit | Take> {
    if (typeof limit !== "string") return limit;
    return countRequest(redis, limit, asked, async () => (await count(limit)).rate_limit);
  }

  /** Sends a change in a transaction, which is committed only if Redis then allows the request. */
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

  /** Marks the credentials of a request that is counted already. */
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
  const refusals = createKnownRefusals();

  /** Measures the work, stores the state of the limit, and turns every failure into an ApiError. */
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
    askCompletely: () => Promise<T>,
  ): Promise<T> {
    refusals.check(credentials);
    const complete = () => refusals.remember(credentials, askCompletely);
    // Without a prepared plan the statement takes five times as long as the functions, whose plans Postgres keeps.
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

  // This object belongs to no request, so each call is counted by itself.
  const ofProcess = databaseOf(() => ({}));
  return ofProcess;
}

const lateness = (name: string, cause: DeadlineError) =>
  new ApiError("database_unavailable", { cause: new Error(`private.${name}`, { cause }) });
