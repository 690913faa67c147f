import type { Context } from "hono";
import { clientAddress } from "../client-address.ts";
import type { AppEnv, Device } from "../context.ts";

const maxUserAgent = 500;

/** The client's address and program, read once for each request. */
export function deviceOf(c: Context<AppEnv>): Device {
  const known = c.get("device");
  if (known !== undefined) return known;
  const { headers } = c.req.raw;
  const hops = c.get("deps").env.trusted_proxy_hops;
  const device = {
    ip: clientAddress(headers.get("x-forwarded-for"), hops, c.env?.remoteAddress) ?? null,
    user_agent: headers.get("user-agent")?.slice(0, maxUserAgent) ?? null,
  };
  c.set("device", device);
  return device;
}
