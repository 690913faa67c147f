import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";

/** The answers that may be kept, by operation. Whatever is not here tells of somebody, or of this moment, and is not stored. */
export const kept: Record<string, string> = {
  // The address that they lead to works for a minute.
  "generations.image": "private, max-age=30",
  "generations.exampleImage": "private, max-age=30",
};

/** Set before the answer is made, so that errors have it too. */
export const noStore: MiddlewareHandler<AppEnv> = (c, next) => {
  c.header("Cache-Control", "no-store");
  return next();
};
