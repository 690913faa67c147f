import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { forward } from "../../scripts/local/forward.ts";
import { portsFrom } from "../../scripts/local/settings.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(listener: RequestListener): Promise<{ port: number; url: string }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}` };
}

/** A gateway to a function that cuts a connection whenever `isCut` says so. */
async function gatewayTo(isCut: (wasOpenBefore: boolean) => boolean) {
  const known = new WeakSet();
  let asked = 0;
  const upstream = await listening((request, response) => {
    asked++;
    const wasOpenBefore = known.has(request.socket);
    known.add(request.socket);
    if (isCut(wasOpenBefore)) request.socket.resetAndDestroy();
    // The delay makes requests overlap, so that each has its own connection.
    else setTimeout(() => response.end("answered"), 50);
  });
  const ports = portsFrom(1);
  ports.functions.api = upstream.port;
  const { url } = await listening((request, response) =>
    forward(request, response, "api", request.url ?? "/", ports),
  );
  const send = async (method = "GET") => (await fetch(url, { method })).status;
  return { send, asked: () => asked };
}

test("after a function died, the gateway sends the next request on a new connection, not on an idle one", async () => {
  let hasDied = false;
  const { send, asked } = await gatewayTo((wasOpenBefore) => hasDied && wasOpenBefore);
  await Promise.all(Array.from({ length: 20 }, () => send()));
  hasDied = true;
  expect(await send()).toBe(200);
  expect(asked(), "one attempt on a dead connection, one on a new connection").toBe(22);
});

test("the gateway tries a function that cuts every connection twice, not once for each idle connection", async () => {
  let cuts = false;
  const { send, asked } = await gatewayTo(() => cuts);
  await Promise.all(Array.from({ length: 20 }, () => send()));
  cuts = true;
  expect(await send()).toBe(502);
  expect(asked()).toBe(22);
});

test.each(["POST", "PATCH", "PUT", "DELETE"])(
  "the gateway sends a %s once, on a connection of its own, so that a dead idle connection cannot lose it",
  async (method) => {
    let hasDied = false;
    const { send, asked } = await gatewayTo((wasOpenBefore) => hasDied && wasOpenBefore);
    await Promise.all(Array.from({ length: 20 }, () => send()));
    hasDied = true;
    expect(await send(method)).toBe(200);
    expect(await send(method)).toBe(200);
    expect(asked()).toBe(22);
  },
);
