import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

const host = "127.0.0.1";

/** A way to a service that a test can close: connections are cut and new ones refused, as when it has ended. */
export class Breakable {
  port: number;
  readonly #target: number;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  /** At port 0 it takes a free one. */
  static async open(port: number, target: number): Promise<Breakable> {
    const way = new Breakable(port, target);
    await way.mend();
    return way;
  }

  /** Connections through it right now. */
  get connections(): number {
    return this.#sockets.size;
  }

  mend(): Promise<void> {
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
    return new Promise((resolve, reject) => {
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

  /** Cuts what is connected; new connections are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
