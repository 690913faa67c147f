/** Longer than any that is issued. */
const maxLength = 8_192;

/** The token of an Authorization header; undefined when it is missing, or no bearer. */
export function readBearer(header: string | null | undefined): string | undefined {
  if (!header || header.length > maxLength) return undefined;
  return /^Bearer +([^\s]+)$/i.exec(header)?.[1];
}
