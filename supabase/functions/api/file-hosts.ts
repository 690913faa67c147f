/**
 * The hosts of Replicate's results: replicate.delivery and its subdomains (https://replicate.com/docs/reference/http), and for some
 * models its files API.
 */
export const defaultFileHosts = "replicate.delivery,api.replicate.com";

/** @throws TypeError that names an invalid host. A leading `*.` is ignored, since subdomains are always included. */
export function readFileHosts(setting: string): string[] {
  const hosts = setting.split(",").flatMap((host) => host.trim().toLowerCase().replace(/^\*\./, "") || []);
  const wrong = hosts.find((host) => !/^[a-z\d.-]+(:\d+)?$/.test(host));
  if (wrong !== undefined) throw new TypeError(`${wrong} is no host such as replicate.delivery`);
  return hosts;
}

const isLocal = (host: string) => /^(127\.0\.0\.1|localhost)(:|$)/.test(host);

/** Results are fetched only from these hosts and their subdomains, so that a forged URL cannot cause a request to an internal host. */
export function isAllowedFile(url: string, hosts: readonly string[]): boolean {
  const { protocol, host, hostname, username, password } = URL.parse(url) ?? {};
  if (host === undefined || hostname === undefined || username !== "" || password !== "") return false;
  return hosts.some((allowed) =>
    isLocal(allowed)
      ? host === allowed && protocol === "http:"
      : protocol === "https:" && (host === allowed || (host === hostname && host.endsWith(`.${allowed}`))),
  );
}

/** The same hosts in the form of Deno's `--allow-net`. */
export const netPermissions = (hosts: readonly string[]): string[] =>
  hosts.flatMap((host) => (isLocal(host) || host.includes(":") ? [host] : [host, `*.${host}`]));
