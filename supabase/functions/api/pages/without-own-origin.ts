import type { Credentials } from "../context.ts";
import type { Env } from "../env.ts";

/** Removes the origin of our own pages, which request mails for a project. A project's list of origins is only for its apps. */
export function withoutOwnOrigin(
  credentials: Credentials,
  { public_url, pages_url }: Pick<Env, "public_url" | "pages_url">,
): Credentials {
  const isOwn = [public_url, pages_url].some(
    (url) => url !== undefined && new URL(url).origin === credentials.origin,
  );
  if (!isOwn) return credentials;
  const { origin: _, ...rest } = credentials;
  return rest;
}
