import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const host = "127.0.0.1";

/** A TCP proxy before a service. A test can cut its connections and refuse new ones, as when the service has ended. */
export class BreakableProxy {
  port: number;
  readonly #target: number;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  /** Port 0 means any free port. */
  static async open(port: number, target: number): Promise<BreakableProxy> {
    const proxy = new BreakableProxy(port, target);
    await proxy.mend();
    return proxy;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  async mend(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((near) => {
      const far = connect(this.#target, host);
      this.#sockets.add(near);
      near.once("close", () => this.#sockets.delete(near));
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.pipe(to);
        from.on("error", () => {});
        from.once("close", () => to.destroy());
      }
    });
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.port, host, () => {
        this.port = (server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  async cut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.drop();
    await closed;
  }

  /** Cuts the open connections. New ones are accepted. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
