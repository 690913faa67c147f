import { ApiError } from "../errors.ts";
import { type AnnouncedLimit, parseAnnounced, type RateLimit } from "../limits.ts";
import { type RedisClient, RedisUnavailable } from "./redis.ts";

/**
 * Counts a request where Redis keeps the counters, against the limit that Postgres announced.
 * @param otherwise counts it in Postgres when Redis does not answer.
 * @throws ApiError rate_limited
 */
export async function countRequest(
  redis: RedisClient,
  announced: string,
  otherwise: (announced: string) => Promise<RateLimit>,
): Promise<RateLimit> {
  const limit = parseAnnounced(announced);
  if (!("bucket" in limit)) return limit;
  let rate: RateLimit & { allowed: boolean };
  try {
    rate = await ask(redis, limit);
  } catch (error) {
    if (error instanceof RedisUnavailable) return otherwise(announced);
    throw error;
  }
  const { allowed, ...state } = rate;
  if (!allowed) throw new ApiError("rate_limited", { rateLimit: state });
  return state;
}

async function ask(redis: RedisClient, { bucket, name, limit, window }: AnnouncedLimit) {
  const { allowed, used, resets_in } = await redis.count(bucket, limit, window);
  return { allowed, name, limit, remaining: Math.max(0, limit - used), window, resets_in };
}
