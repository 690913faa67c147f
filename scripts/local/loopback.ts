import type { IncomingHttpHeaders } from "node:http";

const loopbackPattern = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

/** The host of an address without its port, or of a Host header. */
const withoutPort = (host: string) => host.replace(/:\d{1,5}$/, "").toLowerCase();

/** Whether a host name always means this machine. Any other name in a Host header may be from a page that uses DNS rebinding. */
export function isLocalHost(host: string | undefined, further: readonly string[] = []): boolean {
  if (host === undefined) return false;
  const name = withoutPort(host);
  return loopbackPattern.test(name) || further.includes(name);
}

/** Whether an origin is on this machine, on any port. */
function isLocalOrigin(origin: string, further: readonly string[] = []): boolean {
  const [, host] = /^https?:\/\/([^/]+)$/i.exec(origin) ?? [];
  return isLocalHost(host, further);
}

/** The pages that may send requests to a server: any (the server checks keys itself), those of this machine, or only its own. */
export type Pages = "any" | "local" | "own";

/** The refusal of a request, as a status and a sentence. Undefined if it is allowed. */
export function refusalOf(
  headers: IncomingHttpHeaders,
  pages: Pages,
  further: readonly string[] = [],
): [status: 421 | 403, code: string, detail: string] | undefined {
  const { host, origin } = headers;
  if (!isLocalHost(host, further))
    return [421, "host_not_local", "This server answers under 127.0.0.1 and localhost only."];
  if (pages === "any") return undefined;
  const may =
    origin === undefined || (pages === "own" ? isOwn(origin, host ?? "") : isLocalOrigin(origin, further));
  // A browser sends no Origin with a request for a picture or a script, but this header shows the site of the page.
  const foreign =
    pages === "own" &&
    headers["sec-fetch-site"] === "cross-site" &&
    (headers["sec-fetch-mode"] !== "navigate" || headers["sec-fetch-dest"] !== "document");
  if (may && !foreign) return undefined;
  return [403, "origin_not_local", "Pages of other sites may not call this server."];
}

const isOwn = (origin: string, host: string) => origin.toLowerCase() === `http://${host}`.toLowerCase();
