/** The longest text that is parsed. RFC 5321 allows 254 bytes; the rest is for surrounding spaces and Unicode. */
const longestText = 320;
const longestBytes = 254;
const longestLocalBytes = 64;

/** A dot-atom of RFC 6532, without quotes, comments, spaces, control characters and invisible characters. */
const atom =
  /^(?!.*\p{Default_Ignorable_Code_Point})[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-][\p{L}\p{M}\p{N}!#$%&'*+/=?^_`{|}~-]*$/u;
/** The characters of a domain. `URL` applies UTS 46, but would also accept ports, escapes and numbers. */
const domainText = /^[\p{L}\p{M}\p{N}.\u3002\uFF0E\uFF61-]+$/u;
const domain = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

/**
 * The only parser of email addresses, for registration, login and mail. @returns the local part as
 * typed, in NFC, and the domain in the form of DNS. Null for anything but a plain address, such as `Name <a@b.example>`,
 * `a@localhost`, a trailing dot or a bidi character
 */
export function parseEmailAddress(text: string): string | null {
  if (text.length > longestText) return null;
  const email = text.trim().normalize("NFC");
  const [local = "", host = "", ...more] = email.split("@");
  if (more.length > 0 || bytesOf(email) > longestBytes || bytesOf(local) > longestLocalBytes) return null;
  if (!local.split(".").every((part) => atom.test(part)) || !domainText.test(host)) return null;
  const ascii = asciiDomain(host);
  return ascii === null || bytesOf(local) + 1 + ascii.length > longestBytes ? null : `${local}@${ascii}`;
}

function asciiDomain(host: string): string | null {
  if (!URL.canParse(`http://${host}/`)) return null;
  const { hostname } = new URL(`http://${host}/`);
  return hostname.length <= 253 && domain.test(hostname) ? hostname : null;
}
