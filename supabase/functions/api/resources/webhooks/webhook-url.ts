import type { Env } from "../../env.ts";
import { invalidField } from "../../errors.ts";
import { isPublic } from "../../reach.ts";

/** @throws ApiError validation_failed for an address that no event is ever sent to */
export function assertWebhookUrl(
  { webhook_private_hosts }: Pick<Env, "webhook_private_hosts">,
  text: string,
): void {
  const problem = problemOf(text, webhook_private_hosts === "allowed");
  if (problem !== null) throw invalidField(["body", "url"], problem, "webhook_url");
}

function problemOf(text: string, allowsPrivate: boolean): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "must be an address that begins with https://";
  if (url.username !== "" || url.password !== "") return "must not contain a user name or password";
  if (url.hash !== "") return "must not contain a fragment (#…)";
  if (allowsPrivate) return null;
  if (url.protocol !== "https:") return "must begin with https://";
  return isPublic(text) ? null : "must name a host that the public internet can reach";
}
