import { createHash } from "node:crypto";

/** No chain of proxies needs more. Only the end of a longer header is read. */
const maxHeader = 2_048;
const maxAddress = 64;

/**
 * The caller's address as the last trusted proxy saw it. The caller can forge everything left of it in X-Forwarded-For.
 * Without trusted proxies it is the address of the connection.
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

/** Reads an address as proxies write it: with a port, brackets, quotes or a zone. @returns the form that Postgres stores */
function readAddress(text: string): string | undefined {
  if (text.length > maxAddress) return undefined;
  const [, bracketed, plain] = withPort.exec(text) ?? [];
  const address = (bracketed ?? plain ?? text).replace(/%.*$/, "");
  return isAddress(address) ? address : undefined;
}

/** Whether Postgres can store the text as inet, with every number in its range. */
const isAddress = (text: string) =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text)
    ? text.split(".").every((part) => Number(part) <= 255)
    : /^[0-9a-f:.]+$/i.test(text) && text.includes(":") && URL.canParse(`http://[${text}]/`);

/**
 * An address for a name that a proxy writes instead of an address. It is in fd00::/8, which no public network uses (RFC 4193).
 * Different names differ in the first half, since limits count IPv6 addresses by /64.
 */
function standIn(hop: string): string {
  const digits = createHash("sha256").update(hop).digest("hex");
  return `fd${digits.slice(0, 2)}:${digits.slice(2, 6)}:${digits.slice(6, 10)}::`;
}
