import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";

/** No answer is anything else than its Content-Type says. */
export const noSniff: MiddlewareHandler<AppEnv> = (c, next) => {
  c.header("X-Content-Type-Options", "nosniff");
  return next();
};
