import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";

const hasEmpty = /[?&](?:[^=&#]*)=?(?=[&#]|$)/;

/** Removes parameters without a value from a query, so that `?page=` means no `page`. */
export const emptyParameters: MiddlewareHandler<AppEnv> = (c, next) => {
  const { raw } = c.req;
  const at = raw.url.indexOf("?");
  if (at !== -1 && hasEmpty.test(raw.url.slice(at))) {
    const kept = raw.url
      .slice(at + 1)
      .split("&")
      .filter((pair) => /=./.test(pair));
    c.req.raw = new Request(`${raw.url.slice(0, at)}${kept.length > 0 ? "?" : ""}${kept.join("&")}`, raw);
  }
  return next();
};
