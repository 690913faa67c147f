import type { Redis } from "ioredis";
import type { Env } from "../env.ts";
import type { Log } from "../logger.ts";
import { within } from "../within.ts";

/** The bucket after a count: the requests that were counted, the requests used so far, and the end of the window. */
export type RedisCount = { taken: number; used: number; resets_in: number };

/** Counts limits in the Redis of REDIS_URL. While Redis does not answer, Postgres counts. */
export type RedisClient = {
  readonly configured: boolean;
  /** False for a second after a failure, so that only one request waits during an outage. */
  isUsable(): boolean;
  /**
   * Counts `asked` requests, but at most a 32nd of the remaining ones. It counts at least one unless the bucket is full.
   * @throws RedisUnavailable after `redis_timeout_ms`
   */
  count(bucket: string, limit: number, windowSeconds: number, asked: number): Promise<RedisCount>;
  /** @throws RedisUnavailable */
  ping(deadlineMs: number): Promise<void>;
  close(): void;
};

/** The message is a code that the health report shows. The cause goes to the log. */
export class RedisUnavailable extends Error {
  constructor(cause: unknown) {
    super("redis_unavailable", { cause });
  }
}

const pauseMs = 1_000;

// Windows begin at multiples of their length by the clock of Redis, which all isolates share.
const script = `
local now = tonumber(redis.call('TIME')[1])
local window = tonumber(ARGV[2])
local ends = now - now % window + window
local limit = tonumber(ARGV[1])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
if used >= limit then
  return {0, used, ends - now}
end
local taken = math.max(1, math.min(tonumber(ARGV[3]), math.floor((limit - used) / 32)))
redis.call('INCRBY', KEYS[1], taken)
if used == 0 then
  redis.call('EXPIREAT', KEYS[1], ends)
end
return {taken, used + taken, ends - now}`;

type Connection = Redis & {
  countRequest(key: string, limit: number, window: number, asked: number): Promise<[number, number, number]>;
};

export function createRedisClient(env: Env, log: Log): RedisClient {
  const url = env.redis_url;
  let usableAt = 0;
  let isDown = false;
  // Opened at once, so that the first request finds it. Earlier requests are counted in Postgres.
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
    // Loaded only when used, since it takes a large part of a cold start.
    const { Redis } = await import("ioredis");
    const redis = new Redis(address, {
      scripts: { countRequest: { lua: script, numberOfKeys: 1 } },
      connectTimeout: 2_000,
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, pauseMs),
      // A command is never queued: sent later, it would count a request twice.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    }) as Connection;
    redis.on("error", fail);
    redis.on("ready", recover);
    // From now on the client reconnects by itself, and a command without a connection fails at once.
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
    async count(bucket, limit, windowSeconds, asked) {
      const [taken, used, resets_in] = await ask(
        (redis) => redis.countRequest(`cloud-api:${bucket}`, limit, windowSeconds, asked),
        env.redis_timeout_ms,
      );
      return { taken, used, resets_in };
    },
    ping: async (deadlineMs) => void (await ask((redis) => redis.ping(), deadlineMs)),
    close: () => void opening?.then((redis) => redis.disconnect()),
  };
}
