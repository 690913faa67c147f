import type { Credentials } from "../context.ts";
import type { Env } from "../env.ts";

/** A project's list of origins is about its apps: our own pages, which ask for a mail in its name, need not be on it. */
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
