import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { waitSeconds } from "../resources/webhooks/delivery/deliver-webhooks.ts";
import { createWebhookSender } from "./webhook-sender.ts";

const open = createWebhookSender({ allowPrivate: true });
const closed = createWebhookSender({ allowPrivate: false });
let stop = () => {};
afterEach(() => stop());

/** A server that answers with these bytes and records its request. */
async function serve(answer: string) {
  let received = "";
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      received += chunk;
      if (received.endsWith("{}")) socket.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, received: () => received };
}

test.each([
  ["HTTP/1.1 204 No Content\r\n\r\n", 204],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200],
  ["HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", 302],
])("for the answer %j the sender gives %i, and sends one request", async (answer, status) => {
  const { port, received } = await serve(answer);
  expect(await open(`http://localhost:${port}/a?b=1`, { "webhook-id": "x" }, "{}")).toBe(status);
  expect(received()).toMatch(/^POST \/a\?b=1 HTTP\/1\.1\r\nHost: localhost:\d+\r\n/);
  expect(received().match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test("the sender tries the next address of a name when one refuses the connection", async () => {
  const { port, received } = await serve("HTTP/1.1 204 No Content\r\n\r\n");
  const send = createWebhookSender({ allowPrivate: true, addressesOf: async () => ["::1", "127.0.0.1"] });
  expect(await send(`http://app.test:${port}/`, {}, "{}")).toBe(204);
  expect(received()).toContain(`Host: app.test:${port}\r\n`);
  const refused = createWebhookSender({ allowPrivate: true, addressesOf: async () => ["::1"] });
  await expect(refused(`http://app.test:${port}/`, {}, "{}")).rejects.toThrow("no connection");
});

test("the sender sends nothing to a name with a private address among its addresses", async () => {
  const send = createWebhookSender({
    allowPrivate: false,
    addressesOf: async () => ["93.184.215.14", "10.0.0.1"],
  });
  await expect(send("https://app.test/", {}, "{}")).rejects.toThrow(
    "the host has an address that is not public",
  );
});

test.each([
  ["", "connection closed before an answer"],
  ["x".repeat(20_000), "the answer is not HTTP"],
])("a delivery fails when the answer is not HTTP (%#)", async (answer, message) => {
  const { port } = await serve(answer);
  await expect(open(`http://127.0.0.1:${port}/`, {}, "{}")).rejects.toThrow(message);
});

test.each([
  "https://127.0.0.1/",
  "https://2130706433/",
  "https://localhost/",
  "https://[::1]/",
  "https://[::ffff:10.0.0.1]/",
  "https://10.1.2.3/",
  "https://169.254.169.254/latest/meta-data",
  "https://[fe80::1]/",
])("the sender sends nothing to the private address %s", async (url) => {
  await expect(closed(url, {}, "{}")).rejects.toThrow("the host has an address that is not public");
});

test("the sender sends nothing over plain HTTP", async () => {
  await expect(closed("http://93.184.215.14/", {}, "{}")).rejects.toThrow("the address is not https");
});

test("the delay between attempts grows from 5 seconds to two hours", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map(waitSeconds)).toEqual([5, 30, 120, 600, 1_800, 3_600, 7_200, 7_200]);
});

test("at the deadline the sender disconnects from a receiver that never ends its TLS handshake", async () => {
  const hungUp = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => {}).on("close", () => hungUp.resolve());
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = () => server.close();
  const { port } = server.address() as AddressInfo;
  const send = createWebhookSender({ allowPrivate: true, deadlineMs: 200 });
  await expect(send(`https://127.0.0.1:${port}/`, {}, "{}")).rejects.toThrow("no answer within 0.2 seconds");
  await hungUp.promise;
});
