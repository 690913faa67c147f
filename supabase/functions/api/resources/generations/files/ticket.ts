import { createHmac, timingSafeEqual } from "node:crypto";
import { BoundedMap } from "../../../bounded-map.ts";
import type { Env } from "../../../env.ts";
import type { FileKind } from "../store.ts";

const hourMs = 3_600_000;

/**
 * Signs a ticket with which an `<img>` can open one picture without a header, for one to two hours. It ends on the hour, so the
 * URL stays the same for a while and browsers can cache it.
 */
export function signTicket(
  env: Pick<Env, "secret_key">,
  id: string,
  kind: FileKind,
  index: number,
  linkVersion: number,
  now = Date.now(),
): string {
  const expires = (Math.floor(now / hourMs) + 2) * 3600;
  const place = `${id}/${kind}/${index}/${linkVersion}`;
  const known = remembered.get(place);
  if (known?.expires === expires && known.secret_key === env.secret_key) return known.ticket;
  const ticket = `${expires}.${linkVersion}.${mac(env.secret_key, id, kind, index, expires, linkVersion)}`;
  remembered.set(place, { ticket, expires, secret_key: env.secret_key });
  return ticket;
}

/** Signed tickets. Polling clients request the same URLs, and a signature costs more than the rest of the answer. */
const remembered = new BoundedMap<string, { ticket: string; expires: number; secret_key: string }>(5_000);

/** The link version of the ticket, which the database compares. Null when the ticket is forged or expired. */
export function readTicket(
  env: Pick<Env, "secret_key">,
  ticket: string,
  id: string,
  kind: FileKind,
  index: number,
  now = Date.now(),
): number | null {
  const [, expires, version, signature] = /^(\d{10})\.(\d{1,9})\.([\w-]{43})$/.exec(ticket) ?? [];
  if (expires === undefined || version === undefined || signature === undefined) return null;
  if (Number(expires) * 1000 < now) return null;
  const expected = mac(env.secret_key, id, kind, index, Number(expires), Number(version));
  return timingSafeEqual(encode(signature), encode(expected)) ? Number(version) : null;
}

const encode = (text: string) => new TextEncoder().encode(text);

function mac(
  secret: string,
  id: string,
  kind: FileKind,
  index: number,
  expires: number,
  linkVersion: number,
): string {
  return createHmac("sha256", `image tickets v1:${secret}`)
    .update(`${id}/${kind}/${index}/${expires}/${linkVersion}`)
    .digest("base64url");
}
