import { randomUUID } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { inject } from "vitest";
import type { Headed } from "./api.ts";

/** The headers of a webhook of Replicate with this body, signed now. */
export function signedWebhook(body: string): Headed {
  const [id, at] = [`msg_${randomUUID()}`, new Date()];
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(inject("stack").keys.replicate_webhook_secret ?? "").sign(id, at, body),
  };
}
