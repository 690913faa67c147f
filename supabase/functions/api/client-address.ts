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

const isAddress = (text: string) =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || (text.includes(":") && /^[0-9a-f:.]{2,45}$/i.test(text));
