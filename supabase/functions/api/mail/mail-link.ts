import type { MailProject } from "./store.ts";

export type LinkPage = "verify-email" | "reset-password";
type Place = {
  project: MailProject | null;
  public_url: string;
  /** The site where our pages are deployed. */
  pages_url: string | undefined;
  user_id: string;
};

/**
 * The target of a link in a mail: the project's page, or ours. Our page gets the token after the `#`, which browsers never send, so
 * it is in no log. An app gets the token as `?token=`, since its server may need it.
 */
export function mailLink(
  page: LinkPage,
  token: string,
  { project, public_url, pages_url, user_id }: Place,
): string {
  const own = page === "verify-email" ? project?.verify_url : project?.reset_url;
  if (own) return ownLink(own, { token, ...(page === "verify-email" && { user_id }) });
  const fields = new URLSearchParams({
    token,
    ...(project && { project: project.id, lang: project.mail.language }),
  });
  return pages_url === undefined
    ? `${public_url}/api/v1/auth/${page}#${fields}`
    : `${pages_url}/${page}.html#${fields}`;
}

/** A router that has its path after `#` reads the query there too. */
function ownLink(address: string, fields: Record<string, string>): string {
  const url = new URL(address);
  if (!/^#!?\//.test(url.hash)) {
    for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value);
    return url.toString();
  }
  const [path, query] = url.hash.split("?", 2);
  const inHash = new URLSearchParams(query);
  for (const [name, value] of Object.entries(fields)) inHash.set(name, value);
  url.hash = `${path}?${inHash}`;
  return url.toString();
}
