import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";

/** A proxy that adds TLS to a Postgres without it, as hosted ones have. `encrypted` and `plain` count its connections. */
export async function startTlsProxy(target: number, { cert, key }: { cert: string; key: string }) {
  const secureContext = createSecureContext({ cert, key });
  const sockets = new Set<Socket>();
  const seen = { encrypted: 0, plain: 0 };
  function pass(near: Socket, first?: Buffer): void {
    const far = connect(target, "127.0.0.1");
    if (first !== undefined) far.write(first);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.once("close", () => to.destroy());
    }
  }
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (first) => {
      // Only an SSLRequest has eight bytes.
      if (first.length !== 8) {
        seen.plain++;
        return pass(socket, first);
      }
      socket.write("S");
      const secure = new TLSSocket(socket, { isServer: true, secureContext });
      secure.on("error", () => socket.destroy());
      secure.once("secure", () => seen.encrypted++);
      pass(secure);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as AddressInfo).port, seen, stop };
}
