import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { maxAddressLength } from "../router.ts";

/** Runs before anything reads the path or the query. */
export const refuseLongAddress: MiddlewareHandler<AppEnv> = (c, next) => {
  if (c.req.url.length > maxAddressLength) throw new ApiError("address_too_long");
  return next();
};
