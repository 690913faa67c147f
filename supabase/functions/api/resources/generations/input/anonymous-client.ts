import { createHmac } from "node:crypto";
import type { Context } from "hono";
import type { AppEnv } from "../../../context.ts";
import type { Env } from "../../../env.ts";
import { deviceOf } from "../../../middleware/device-of.ts";
import type { AnonymousLimits } from "../store.ts";

/**
 * The id by which an anonymous caller is counted: a keyed hash of the address. Callers with unknown addresses share one count.
 */
export function anonymousClient(c: Context<AppEnv>): string {
  const { env } = c.get("deps");
  return createHmac("sha256", `anonymous clients v1:${env.secret_key}`)
    .update(networkOf(deviceOf(c).ip ?? "unknown"))
    .digest("base64url");
}

/** The id by which a caller's room for uploads is counted: the network, else the account. */
export function clientOf(c: Context<AppEnv>): string {
  const { ip, user_id } = c.get("credentials");
  return ip === undefined ? (user_id ?? "unknown") : networkOf(ip);
}

export const anonymousLimits = (env: Env): AnonymousLimits => ({
  per_client: env.anonymous_daily_limit,
  everybody: env.anonymous_daily_budget,
  result_seconds: env.anonymous_result_hours * 3600,
});

/** The network of an address: the /64 of an IPv6 address, and a mapped IPv4 address itself. */
export function networkOf(address: string): string {
  const text = address.toLowerCase();
  const mapped = /^(?:0{0,4}:){0,5}:?ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(text)?.[1];
  if (mapped !== undefined) return mapped;
  if (!text.includes(":")) return text;
  const [left = "", right] = text.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const gap = right === undefined ? 0 : Math.max(8 - head.length - tail.length, 0);
  const groups = [...head, ...Array.from({ length: gap }, () => "0"), ...tail];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
