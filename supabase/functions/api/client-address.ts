import { createHash } from "node:crypto";

/** More than any chain of proxies needs. What a caller puts before it is not looked at. */
const maxHeader = 2_048;
const maxAddress = 64;

/**
 * The caller's address: what the last trusted proxy saw. Everything left of it in X-Forwarded-For is the caller's claim.
 * With no trusted hop it is the address of the connection.
 */
export function clientAddress(
  forwardedFor: string | null,
  hops: number,
  remoteAddress: string | undefined,
): string | undefined {
  const connection = remoteAddress === undefined ? undefined : readAddress(remoteAddress);
  if (hops === 0) return connection;
  const chain = (forwardedFor ?? "")
    .slice(-maxHeader)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const hop = chain[Math.max(chain.length - hops, 0)];
  if (hop === undefined || hop.toLowerCase() === "unknown") return connection;
  return readAddress(hop) ?? standIn(hop);
}

const withPort = /^"?(?:\[([^\]]*)\]|([^:[\]]*))(?::\d{1,5})?"?$/;

/** An address as Postgres stores it, from the forms that proxies write: with a port, in brackets, in quotes, with a zone. */
export function readAddress(text: string): string | undefined {
  if (text.length > maxAddress) return undefined;
  const [, bracketed, plain] = withPort.exec(text) ?? [];
  const address = (bracketed ?? plain ?? text).replace(/%.*$/, "");
  return isAddress(address) ? address : undefined;
}

/** What Postgres can store as inet: every number in its range. */
const isAddress = (text: string) =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text)
    ? text.split(".").every((part) => Number(part) <= 255)
    : /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);

/**
 * Stands for a name that a proxy writes instead of an address, so that callers with different names are counted apart. It lies in
 * fd00::/8, which is no public network's (RFC 4193). Its first half tells them apart, since limits count IPv6 by /64.
 */
function standIn(hop: string): string {
  const digits = createHash("sha256").update(hop).digest("hex");
  return `fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6, 10)}::`;
}
