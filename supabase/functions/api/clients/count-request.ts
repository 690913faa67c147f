import { ApiError } from "../errors.ts";
import { type AnnouncedLimit, parseAnnounced, type RateLimit } from "../rate-limit.ts";
import type { Take } from "./leases.ts";
import { type RedisClient, RedisUnavailable } from "./redis.ts";

/**
 * Counts requests in Redis against the limit that Postgres announced.
 * @param asked how many requests to count, if enough are left
 * @param otherwise counts one request in Postgres when Redis does not answer
 * @throws ApiError rate_limited
 */
export async function countRequest(
  redis: RedisClient,
  announced: string,
  asked: number,
  otherwise: (announced: string) => Promise<RateLimit>,
): Promise<Take> {
  const limit = parseAnnounced(announced);
  if (!("bucket" in limit)) return { ...limit, taken: 1 };
  let rate: Take;
  try {
    rate = await ask(redis, limit, asked);
  } catch (error) {
    if (error instanceof RedisUnavailable) return { ...(await otherwise(announced)), taken: 1 };
    throw error;
  }
  const { taken, ...state } = rate;
  if (taken === 0) throw new ApiError("rate_limited", { rateLimit: state });
  return rate;
}

async function ask(redis: RedisClient, { bucket, name, limit, window }: AnnouncedLimit, asked: number) {
  const { taken, used, resets_in } = await redis.count(bucket, limit, window, asked);
  return { name, limit, remaining: Math.max(0, limit - used), window, resets_in, taken };
}
