import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";

/** Headers that a page may read. */
export const exposed = [
  "X-Request-Id",
  "Server-Timing",
  "X-Total-Count",
  "Retry-After",
  "WWW-Authenticate",
  "Idempotent-Replayed",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "RateLimit",
  "RateLimit-Policy",
].join(",");
const preflight = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
  "Access-Control-Max-Age": "86400",
  Vary: "Access-Control-Request-Headers",
};

/** Allows browsers to call from any origin. */
export const cors: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.req.method !== "OPTIONS") return next();
  const headers: Record<string, string> = { ...preflight };
  const asked = c.req.header("access-control-request-headers");
  if (asked !== undefined) headers["Access-Control-Allow-Headers"] = asked;
  return c.body(null, 204, headers);
};
