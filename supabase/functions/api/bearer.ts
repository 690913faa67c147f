/** No issued token is longer. */
const maxLength = 8_192;

/** The token of an Authorization header. Undefined when the header is missing or has another scheme. */
export function readBearer(header: string | null | undefined): string | undefined {
  if (!header || header.length > maxLength) return undefined;
  return /^Bearer +([^\s]+)$/i.exec(header)?.[1];
}
