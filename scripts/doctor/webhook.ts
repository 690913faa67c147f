import { randomUUID } from "node:crypto";
import { isPublic } from "../../supabase/functions/api/reach.ts";
import { type Check, fail, ok } from "./check.ts";
import { ask } from "./target.ts";

/** Replicate's results come to the public address of the function. Without a signature it has to refuse them. */
export const checkWebhook: Check = async ({ kind, base, health }) => {
  const { service } = (await health()).body;
  const public_url = String(service?.settings?.public_url ?? base);
  const url = `${public_url}/api/v1/generation/webhooks/replicate`;
  if (kind === "hosted" && !isPublic(public_url))
    return [
      fail(
        "webhook",
        `${public_url} is no public address, so Replicate cannot call it`,
        "unset PUBLIC_URL, or set it to the address that the internet calls, without /api/v1",
      ),
    ];
  // Mail links and pictures use that address, but this request used another one.
  if (URL.parse(public_url)?.origin !== URL.parse(base)?.origin)
    return [
      fail(
        "public address",
        `clients are sent to ${public_url}, and it is asked at ${base}`,
        "set PUBLIC_URL to the address that clients call, without /api/v1",
      ),
    ];
  const { status, body, reason } = await ask(`${url}?generation_id=${randomUUID()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  if (status === 401 && body.code === "invalid_webhook_signature")
    return [ok("webhook", `${public_url} takes signed ones only`)];
  return [
    fail(
      "webhook",
      `${url}: ${reason}`,
      "set PUBLIC_URL to the address that the internet calls, without /api/v1",
    ),
  ];
};
