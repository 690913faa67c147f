import type { Context, MiddlewareHandler, TypedResponse } from "hono";
import type { StatusCode } from "hono/utils/http-status";
import type { AppEnv } from "../context.ts";
import { limitHeaders } from "../rate-limit.ts";
import { exposed } from "./cors.ts";

const maxIdLength = 128;

/** The headers of every answer. Browsers must not guess content types. Cacheable answers set their own Cache-Control. */
const always = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": exposed,
  "X-Content-Type-Options": "nosniff",
  "Cache-Control": "no-store",
};

/**
 * Collects the headers of an answer until it is made. In Deno a later header causes a copy of all headers, so it is added later
 * only to answers that `answer` did not make.
 */
export const head: MiddlewareHandler<AppEnv> = async (c, next) => {
  const sent = c.req.raw.headers.get("x-request-id");
  const isGood = sent !== null && sent.length <= maxIdLength && /^[\w\-=]+$/.test(sent);
  const id = isGood ? sent : crypto.randomUUID();
  c.set("requestId", id);
  c.set("head", { "X-Request-Id": id, ...always });
  await next();
  if (c.get("isAnswered")) return;
  const { headers } = c.res;
  const collected = collectedOf(c);
  for (const name in collected) if (!headers.has(name)) headers.set(name, collected[name] ?? "");
};

/** Answers JSON text with all collected headers. `T` is the type of the JSON. */
export function answer<T, Status extends StatusCode>(c: Context<AppEnv>, text: string, status: Status) {
  c.set("isAnswered", true);
  const headers = { ...collectedOf(c), "Content-Type": "application/json" };
  return new Response(text, { status, headers }) as Response & TypedResponse<T, Status, "json">;
}

/** Like `c.json`, with all collected headers. */
export const answerJson = <T>(c: Context<AppEnv>, value: T) => answer<T, 200>(c, JSON.stringify(value), 200);

function collectedOf(c: Context<AppEnv>): Record<string, string> {
  const { rate_limit } = c.get("limit") ?? {};
  return rate_limit ? Object.assign(c.get("head"), limitHeaders(rate_limit)) : c.get("head");
}
