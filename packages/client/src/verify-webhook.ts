/** An event of a webhook. `data` is the current state of the generation or the account. */
export type WebhookEvent = { type: string; timestamp: string; data: Record<string, unknown> };

/** The request is not from the API, is older than five minutes, or was changed on its way. */
export class WebhookSignatureError extends Error {
  override readonly name: string = "WebhookSignatureError";
}

type HeaderSource = Headers | Record<string, string | string[] | undefined>;
type Payload = string | ArrayBuffer | ArrayBufferView;

const toleranceSeconds = 5 * 60;
/** Longer signature headers are not parsed, since anybody can send them. */
const longestSignature = 4_096;

/**
 * Verifies a delivery by Standard Webhooks and returns its event. Pass the unparsed body: `await request.text()`, or a
 * raw body in Express. A delivery may arrive twice with the same `webhook-id`.
 * @throws WebhookSignatureError
 */
export async function verifyWebhook(
  payload: Payload,
  headers: HeaderSource,
  secret: string,
  now = Date.now(),
): Promise<WebhookEvent> {
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
    headerOf(headers, name),
  ) as [string, string, string];
  if (!id || !timestamp || !signatures || signatures.length > longestSignature)
    throw new WebhookSignatureError(
      "The headers webhook-id, webhook-timestamp and webhook-signature are needed.",
    );
  if (!(Math.abs(now / 1000 - Number(timestamp)) <= toleranceSeconds))
    throw new WebhookSignatureError(
      "The delivery is older than five minutes, or this machine's clock is wrong.",
    );
  const body = bytesOf(payload);
  const prefix = new TextEncoder().encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(prefix.length + body.length);
  signed.set(prefix);
  signed.set(body, prefix.length);
  const key = await crypto.subtle.importKey(
    "raw",
    secretBytes(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  for (const signature of signatures.split(" ")) {
    const bytes = signature.startsWith("v1,") ? fromBase64(signature.slice(3)) : null;
    if (bytes !== null && (await crypto.subtle.verify("HMAC", key, bytes, signed)))
      return JSON.parse(new TextDecoder().decode(body)) as WebhookEvent;
  }
  throw new WebhookSignatureError(
    "The signature is wrong: compare the secret, and pass the body as it came.",
  );
}

function headerOf(headers: HeaderSource, name: string): string {
  if (typeof (headers as Headers).get === "function") return (headers as Headers).get(name) ?? "";
  const value = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  return String(Array.isArray(value) ? value[0] : (value ?? ""));
}

function bytesOf(payload: Payload): Uint8Array<ArrayBuffer> {
  if (typeof payload === "string") return new TextEncoder().encode(payload);
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength));
  return new Uint8Array(payload);
}

/** @throws TypeError for a malformed secret */
function secretBytes(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = secret.startsWith("whsec_") ? fromBase64(secret.slice(6)) : null;
  if (bytes === null || bytes.length === 0)
    throw new TypeError("The secret of a webhook begins with whsec_. Copy it again.");
  return bytes;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
