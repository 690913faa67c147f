import { Webhook } from "standardwebhooks";
import { expect, test } from "vitest";
import { verifyWebhook, WebhookSignatureError } from "./verify-webhook.ts";

const secret = `whsec_${Buffer.alloc(24, 7).toString("base64")}`;
const at = new Date("2026-11-24T09:00:00Z");
const payload = JSON.stringify({
  type: "test",
  timestamp: "2026-11-24T09:00:00.000000Z",
  data: { name: "Ä" },
});
const headers = {
  "webhook-id": "msg_1",
  "webhook-timestamp": String(at.getTime() / 1000),
  "webhook-signature": new Webhook(secret).sign("msg_1", at, payload),
};
const verify = (
  changes: object = {},
  body: Parameters<typeof verifyWebhook>[0] = payload,
  now = at.getTime(),
) => verifyWebhook(body, { ...headers, ...changes }, secret, now);

test("verifyWebhook accepts a body as text or bytes, and headers of every kind", async () => {
  const bytes = new TextEncoder().encode(payload);
  for (const body of [payload, bytes, bytes.buffer, Buffer.from(payload)])
    expect(await verify({}, body)).toMatchObject({ type: "test", data: { name: "Ä" } });
  expect(await verifyWebhook(payload, new Headers(headers), secret, at.getTime())).toMatchObject({
    type: "test",
  });
  const upper = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
  );
  expect(await verifyWebhook(payload, upper, secret, at.getTime())).toMatchObject({ type: "test" });
});

test("verifyWebhook accepts one right signature among several", async () => {
  const several = `v1,AAAA v2,${"A".repeat(10)} v1,!!! ${headers["webhook-signature"]}`;
  expect(await verify({ "webhook-signature": several })).toMatchObject({ type: "test" });
});

test.each<[string, object, string?, number?]>([
  ["another body", {}, `${payload} `],
  ["another id", { "webhook-id": "msg_2" }],
  ["another time", { "webhook-timestamp": String(at.getTime() / 1000 + 1) }],
  ["no signature", { "webhook-signature": undefined }],
  [
    "a signature of another version",
    { "webhook-signature": headers["webhook-signature"].replace("v1", "v1a") },
  ],
  ["a timestamp that is not a number", { "webhook-timestamp": "now" }],
  ["10,000 wrong signatures", { "webhook-signature": "v1,AAAA ".repeat(10_000) }],
  ["a delivery from six minutes ago", {}, payload, at.getTime() + 360_000],
  ["a delivery six minutes in the future", {}, payload, at.getTime() - 360_000],
])("verifyWebhook refuses %s", async (_, changes, body, now) => {
  await expect(verify(changes, body, now)).rejects.toThrow(WebhookSignatureError);
});

test("verifyWebhook throws a TypeError that does not quote the secret when the secret is malformed", async () => {
  for (const wrong of ["", "ak_secret", "whsec_", "whsec_%%%"]) {
    const thrown = await verifyWebhook(payload, headers, wrong, at.getTime()).catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(TypeError);
    expect(String(thrown)).not.toContain("ak_secret");
  }
});
