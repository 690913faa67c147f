import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { findFreeBase, waitForPorts } from "./ports.ts";
import { portsFrom } from "./settings.ts";

async function listening() {
  // The client may reset its connection.
  const server = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A connection to another server. Its own port is from the range of the system, and no program listens there. */
async function connected() {
  const port = await listening();
  const socket = connect({ port, host: "127.0.0.1" });
  await once(socket, "connect");
  onTestFinished(() => void socket.destroy());
  return socket.localPort ?? 0;
}

// Another test's connection may take a port that was released. So this test decides which port is free.
test("npm start waits until a connection releases one of its ports, and prints that it waits", async () => {
  const ports = portsFrom(await findFreeBase());
  const lines: string[] = [];
  const isFree = (port: number) => Promise.resolve(port !== ports.inbox || lines.length > 0);
  await waitForPorts(ports, (line) => lines.push(line), { isFree });
  expect(lines).toEqual([
    `Waiting up to a minute: connections that were just closed hold ports ${ports.inbox} (inbox).`,
  ]);
});

test("npm start refuses at once when a program listens on one of its ports", async () => {
  const port = await listening();
  const lines: string[] = [];
  const ports = { ...portsFrom(await findFreeBase()), inbox: port };
  await expect(waitForPorts(ports, (line) => lines.push(line))).rejects.toThrow(
    `Port ${port} (inbox) is taken by another program`,
  );
  expect(lines).toEqual([]);
});

test("npm start stops waiting for a port at Ctrl-C", async () => {
  const ports = portsFrom(await findFreeBase());
  const start = new AbortController();
  const waited = waitForPorts(ports, () => start.abort(), {
    isFree: (port) => Promise.resolve(port !== ports.inbox),
    signal: start.signal,
  });
  await expect(waited).rejects.toThrow("aborted");
});

test("npm start gives up when a connection still holds a port after a minute", async () => {
  const port = await connected();
  const ports = { ...portsFrom(await findFreeBase()), inbox: port };
  const lines: string[] = [];
  const waited = waitForPorts(ports, (line) => lines.push(line), { withinMs: 100 });
  await expect(waited).rejects.toThrow(`Port ${port} (inbox) is taken by another program`);
  expect(lines).toHaveLength(1);
});
