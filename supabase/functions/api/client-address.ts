/**
 * The caller's address: what the last trusted proxy saw. Everything left of it in X-Forwarded-For is the caller's claim.
 * With no trusted hop it is the address of the connection.
 */
export function clientAddress(
  forwardedFor: string | null,
  hops: number,
  remoteAddress: string | undefined,
): string | undefined {
  if (hops === 0) return remoteAddress;
  const chain = (forwardedFor ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const address = chain[Math.max(chain.length - hops, 0)] ?? remoteAddress;
  return address !== undefined && isAddress(address) ? address : undefined;
}

/** What Postgres can store as inet: no zone, every number in its range. */
const isAddress = (text: string) =>
  /^(\d{1,3}\.){3}\d{1,3}$/.test(text)
    ? text.split(".").every((part) => Number(part) <= 255)
    : /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
