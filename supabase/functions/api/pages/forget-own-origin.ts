import type { Credentials } from "../context.ts";
import type { Env } from "../env.ts";

/** A project's list of origins is about its apps: our own pages, which ask for a mail in its name, need not be on it. */
export function forgetOwnOrigin(
  credentials: Credentials,
  { public_url, pages_url }: Pick<Env, "public_url" | "pages_url">,
): void {
  const isOwn = [public_url, pages_url].some(
    (url) => url !== undefined && new URL(url).origin === credentials.origin,
  );
  if (isOwn) delete credentials.origin;
}
