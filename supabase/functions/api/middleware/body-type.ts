import type { MiddlewareHandler } from "hono";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { steadyBody } from "./steady-body.ts";

const maxTextBytes = 1024 * 1024;

/** Refuses what is not JSON before it is read: without this, a wrong type looks like an empty object. */
export const jsonOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  const type = c.req.header("content-type");
  if (!isJson(type)) {
    throw new ApiError("unsupported_media_type", {
      detail: "Unsupported Content-Type. Send application/json.",
    });
  }
  const text = await readText(c.req.raw);
  c.req.bodyCache.text = Promise.resolve(text) as unknown as string;
  await next();
};

/** The same for a body that may be left out. */
export const jsonOrNothing: MiddlewareHandler<AppEnv> = async (c, next) => {
  const isEmpty = c.req.raw.body === null || c.req.header("content-length") === "0";
  if (isEmpty && c.req.header("content-type") === undefined) return next();
  return jsonOnly(c, next);
};

export function isJson(type: string | undefined): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(type ?? "");
}

/** @throws ApiError malformed_json, payload_too_large */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("malformed_json", { cause });
  }
}

/** A body as text, at most 1 MiB of UTF-8. @throws ApiError malformed_json, payload_too_large, body_timeout */
export async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length")) > maxTextBytes) throw new ApiError("payload_too_large");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let size = 0;
  try {
    for await (const chunk of steadyBody(request)) {
      size += chunk.byteLength;
      if (size > maxTextBytes) throw new ApiError("payload_too_large");
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError("malformed_json", { cause });
  }
}
