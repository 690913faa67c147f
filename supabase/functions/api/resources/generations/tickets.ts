import { createHmac, timingSafeEqual } from "node:crypto";
import type { Env } from "../../env.ts";
import type { FileKind } from "./store.ts";

const hourMs = 3_600_000;

/**
 * Lets an `<img>` open one picture without a header, for one to two hours. The end is on the hour, so that the address stays the
 * same for a while and browsers can cache it.
 */
export function signTicket(
  env: Pick<Env, "secret_key">,
  id: string,
  kind: FileKind,
  index: number,
  now = Date.now(),
): string {
  const expires = (Math.floor(now / hourMs) + 2) * 3600;
  return `${expires}.${mac(env.secret_key, id, kind, index, expires)}`;
}

export function isTicketValid(
  env: Pick<Env, "secret_key">,
  ticket: string,
  id: string,
  kind: FileKind,
  index: number,
  now = Date.now(),
): boolean {
  const [, expires, signature] = /^(\d{10})\.([\w-]{43})$/.exec(ticket) ?? [];
  if (expires === undefined || signature === undefined || Number(expires) * 1000 < now) return false;
  return timingSafeEqual(encode(signature), encode(mac(env.secret_key, id, kind, index, Number(expires))));
}

const encode = (text: string) => new TextEncoder().encode(text);

function mac(secret: string, id: string, kind: FileKind, index: number, expires: number): string {
  return createHmac("sha256", `image tickets v1:${secret}`)
    .update(`${id}/${kind}/${index}/${expires}`)
    .digest("base64url");
}
