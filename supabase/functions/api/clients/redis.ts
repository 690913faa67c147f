import type { Redis } from "ioredis";
import type { Env } from "../env.ts";
import type { Log } from "../logger.ts";
import { within } from "../within.ts";

/** The bucket after it was asked: whether this request got in, what is used of it, and when it begins anew. */
export type RedisCount = { allowed: boolean; used: number; resets_in: number };

/** Counters of limits, where REDIS_URL names one. Postgres counts as long as it does not answer. */
export type RedisClient = {
  readonly configured: boolean;
  /** False for a second after a failure, so that an outage costs one wait and not one for each request. */
  isUsable(): boolean;
  /** Counts one request unless the bucket is full. @throws RedisUnavailable after `redis_timeout_ms` */
  count(bucket: string, limit: number, windowSeconds: number): Promise<RedisCount>;
  /** @throws RedisUnavailable */
  ping(deadlineMs: number): Promise<void>;
  close(): void;
};

/** The message is a code that health may tell; the cause goes to the log. */
export class RedisUnavailable extends Error {
  constructor(cause: unknown) {
    super("redis_unavailable", { cause });
  }
}

const pauseMs = 1_000;

// Windows begin at multiples of their length, by the clock of Redis, which all isolates share.
const script = `
local now = tonumber(redis.call('TIME')[1])
local window = tonumber(ARGV[2])
local ends = now - now % window + window
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used >= tonumber(ARGV[1]) then
  return {0, used, ends - now}
end
used = redis.call('INCR', KEYS[1])
if used == 1 then
  redis.call('EXPIREAT', KEYS[1], ends)
end
return {1, used, ends - now}`;

type Connection = Redis & {
  countRequest(key: string, limit: number, window: number): Promise<[number, number, number]>;
};

export function createRedisClient(env: Env, log: Log): RedisClient {
  const url = env.redis_url;
  let usableAt = 0;
  let isDown = false;
  // At once, so that it is there when the first request comes; what comes earlier is counted in Postgres.
  const opening = url === undefined ? undefined : open(url);
  opening?.catch(fail);

  function fail(cause: unknown): RedisUnavailable {
    usableAt = Date.now() + pauseMs;
    if (!isDown) log("warn", "redis does not answer; limits are counted in postgres", { cause });
    isDown = true;
    return new RedisUnavailable(cause);
  }

  function recover(): void {
    usableAt = 0;
    if (isDown) log("info", "redis answers again");
    isDown = false;
  }

  async function open(address: string): Promise<Connection> {
    // Loaded only where it is used, since it would be a good part of a cold start.
    const { Redis } = await import("ioredis");
    const redis = new Redis(address, {
      scripts: { countRequest: { lua: script, numberOfKeys: 1 } },
      connectTimeout: 2_000,
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, pauseMs),
      // A command is answered now or not at all: sent again later, it would count a request twice.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    }) as Connection;
    redis.on("error", fail);
    redis.on("ready", recover);
    // From then on it connects again by itself, and a command without a connection fails at once.
    await new Promise<void>((resolve) => redis.once("ready", resolve).once("close", resolve));
    return redis;
  }

  async function ask<T>(work: (redis: Connection) => Promise<T>, deadlineMs: number): Promise<T> {
    if (opening === undefined) throw new RedisUnavailable(new Error("REDIS_URL is not set"));
    try {
      const answer = await within(
        deadlineMs,
        opening.then(work),
        () => new Error(`no answer in ${deadlineMs} ms`),
      );
      recover();
      return answer;
    } catch (cause) {
      throw fail(cause);
    }
  }

  return {
    configured: url !== undefined,
    isUsable: () => url !== undefined && Date.now() >= usableAt,
    async count(bucket, limit, windowSeconds) {
      const [allowed, used, resets_in] = await ask(
        (redis) => redis.countRequest(`cloud-api:${bucket}`, limit, windowSeconds),
        env.redis_timeout_ms,
      );
      return { allowed: allowed === 1, used, resets_in };
    },
    ping: async (deadlineMs) => void (await ask((redis) => redis.ping(), deadlineMs)),
    close: () => void opening?.then((redis) => redis.disconnect()),
  };
}
