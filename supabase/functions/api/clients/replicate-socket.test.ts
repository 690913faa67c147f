import { createServer } from "node:net";
import { expect, test } from "vitest";
import type { Env } from "../env.ts";
import { createReplicateClient } from "./replicate.ts";

/** A server that takes a request and cuts the connection instead of answering. */
async function cuttingServer() {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.once("data", () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { port, connections: () => connections, close };
}

function post(port: number) {
  const env = { replicate_api_token: "r8_secret", replicate_api_url: `http://127.0.0.1:${port}/v1` } as Env;
  return createReplicateClient(env).create("google/nano-banana", { prompt: "A lighthouse" }, undefined);
}

test("a create whose connection is cut after sending is unclear, and is not repeated", async () => {
  const server = await cuttingServer();
  expect(await post(server.port)).toMatchObject({ outcome: "unclear" });
  expect(server.connections()).toBe(1);
  await server.close();
});

test("a create whose connection is refused may be sent again", async () => {
  const server = await cuttingServer();
  await server.close();
  expect(await post(server.port)).toMatchObject({ outcome: "refused", again: true });
});
