export type LinkPage = "verify-email" | "reset-password";

/**
 * Where a link in a mail leads: the project's own site, or the page that the API serves. Our page takes the token after the
 * `#`, which browsers never send, so it reaches no log; a site gets it as `?token=`, since its server has to read it.
 */
export function mailLink(
  page: LinkPage,
  token: string,
  { site_url, public_url, user_id }: { site_url: string | null; public_url: string; user_id: string },
): string {
  if (site_url === null) return `${public_url}/api/v1/auth/${page}#token=${encodeURIComponent(token)}`;
  const url = new URL(site_url);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${page}`;
  url.searchParams.set("token", token);
  if (page === "verify-email") url.searchParams.set("user_id", user_id);
  return url.toString();
}
