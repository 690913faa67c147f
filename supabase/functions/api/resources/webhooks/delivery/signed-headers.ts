import { Webhook } from "standardwebhooks";

/** The headers of a delivery. During a rotation both secrets sign, and the receiver may verify either signature. */
export function signedHeaders(secrets: readonly string[], id: string, payload: string) {
  const now = new Date();
  return {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": secrets.map((secret) => new Webhook(secret).sign(id, now, payload)).join(" "),
  };
}
