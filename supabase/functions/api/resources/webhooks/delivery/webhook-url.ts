import type { Env } from "../../../env.ts";
import { invalidField } from "../../../errors.ts";
import { predicates } from "../../../predicates.ts";
import { isPublic } from "../../../reach.ts";

/** @throws ApiError validation_failed for a URL that events are never sent to */
export function assertWebhookUrl(
  { webhook_private_hosts }: Pick<Env, "webhook_private_hosts">,
  text: string,
): void {
  const problem = problemOf(text, webhook_private_hosts === "allowed");
  if (problem !== null) throw invalidField(["body", "url"], problem, "webhook_url");
}

function problemOf(text: string, allowsPrivate: boolean): string | null {
  const url = URL.parse(text);
  const isSecure = url?.protocol === "https:" || (url?.protocol === "http:" && allowsPrivate);
  if (!isSecure || url.username !== "" || url.password !== "" || url.hash !== "")
    return predicates.webhook_url;
  return allowsPrivate || isPublic(text) ? null : predicates.public_host;
}
