import { predicates } from "../predicates.ts";
import { text } from "./text.ts";

const originParts = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^/?#@\\\s*%]+)$/i;
const plainHost = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:\d{1,5})?$/;
/** For pages with these schemes, browsers send the origin `null`. */
const opaque = new Set(["about", "blob", "data", "file", "javascript"]);

/**
 * An origin as browsers send it: in lower case and punycode, without the scheme's default port. Apps have their own schemes, such
 * as `capacitor://localhost`. `*.` is allowed only for http and https. Undefined for any other text.
 */
export function toOrigin(written: string): string | undefined {
  if (written === "*") return "*";
  const [, scheme = "", star = "", host = ""] =
    originParts.exec(written)?.map((part) => part?.toLowerCase()) ?? [];
  if (scheme === "" || opaque.has(scheme)) return undefined;
  if (scheme !== "http" && scheme !== "https") {
    const [, port] = host.split(":");
    return star === "" && plainHost.test(host) && isPort(port) ? `${scheme}://${host}` : undefined;
  }
  const address = `${scheme}://${star === "" ? "" : "any."}${host}`;
  if (host.includes("..") || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  return isPort(url.port || undefined)
    ? `${scheme}://${star}${url.host.slice(star === "" ? 0 : 4)}`
    : undefined;
}

const isPort = (port: string | undefined) =>
  port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);

export const origin = text({
  max: 255,
  clean: (raw) => toOrigin(raw.trim()) ?? raw,
  check: (cleaned) => (toOrigin(cleaned) === undefined ? predicates.origin : undefined),
});
