import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { isJson, readText, smallBytes } from "./read-json.ts";

/**
 * Refuses a body that is not JSON before it is read. Otherwise a wrong type would look like an empty object.
 * @param maxBytes the size limit of the body
 */
export const jsonUpTo =
  (maxBytes: number): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const type = c.req.header("content-type");
    if (!isJson(type)) throw notJson();
    c.req.raw = withJson(c.req.raw, await readText(c.req.raw, maxBytes));
    await next();
  };

export const jsonOnly = jsonUpTo(smallBytes);

/** The same for an optional body. A body without bytes counts as missing, whatever its type, and becomes `instead`. */
export const jsonOr =
  (instead: object): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const isKnownEmpty = c.req.raw.body === null || c.req.header("content-length") === "0";
    const text = isKnownEmpty ? "" : await readText(c.req.raw, smallBytes);
    if (text !== "" && !isJson(c.req.header("content-type"))) throw notJson();
    c.req.raw = withJson(c.req.raw, text || JSON.stringify(instead));
    await next();
  };

export const jsonOrNothing = jsonOr({});

/** The request with a body that was read already, encoded in UTF-8. */
function withJson({ url, method, headers, signal }: Request, body: string): Request {
  const sent = new Headers(headers);
  sent.set("content-type", "application/json");
  return new Request(url, { method, headers: sent, body, signal });
}

const notJson = () =>
  new ApiError("unsupported_media_type", { detail: "Unsupported Content-Type. Send application/json." });
