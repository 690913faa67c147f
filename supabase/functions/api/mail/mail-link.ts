import type { MailProject } from "./store.ts";

export type LinkPage = "verify-email" | "reset-password";
type Place = {
  project: MailProject | null;
  public_url: string;
  /** A site that our pages were put on. */
  pages_url: string | undefined;
  user_id: string;
};

/**
 * Where a link in a mail leads: the page that the project names, or ours. Our page takes the token after the `#`, which browsers
 * never send, so it reaches no log. An app gets it as `?token=`, because its server may have to read it.
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

/** A router that keeps its path after `#` looks for the query there too. */
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
