import { connect, createServer, type Server, type Socket } from "node:net";
import { findFreeBase } from "../../scripts/local/ports.ts";

/** refuses: no server listens. hangs: never answers. halves: cuts the connection in the middle of an answer. slows: delays each chunk. */
export type Fault = "none" | "refuses" | "hangs" | "halves" | "slows";

const slowMs = 100;

/** A TCP proxy before a real service. It imitates the faults of networks and of dying servers. */
export class FaultyProxy {
  readonly port: number;
  readonly #target: number;
  #server: Server;
  #fault: Fault = "none";
  readonly #sockets = new Set<Socket>();

  private constructor(target: number, server: Server, port: number) {
    this.#target = target;
    this.#server = server;
    this.port = port;
    server.on("connection", (client) => this.#take(client));
  }

  static async start(target: number): Promise<FaultyProxy> {
    const server = createServer();
    // No port of the system's range: any connection could take it while this proxy refuses.
    const port = await findFreeBase();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return new FaultyProxy(target, server, port);
  }

  async set(fault: Fault): Promise<void> {
    const before = this.#fault;
    this.#fault = fault;
    if (fault === "refuses") await this.stop();
    else if (before === "refuses") await this.#listen();
    // Requests that hung are lost, as with a server that was powered off.
    if (fault === "none") this.#drop();
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#drop();
    await closed;
  }

  #drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async #listen(): Promise<void> {
    this.#server = createServer((client) => this.#take(client));
    await new Promise<void>((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
  }

  #take(client: Socket): void {
    const server = connect(this.#target, "127.0.0.1");
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (bytes) => {
      if (this.#fault !== "hangs") server.write(bytes);
    });
    server.on("data", (bytes) => this.#answer(client, bytes));
  }

  #answer(client: Socket, bytes: Buffer): void {
    if (this.#fault === "hangs") return;
    if (this.#fault === "slows") {
      setTimeout(() => client.write(bytes), slowMs);
    } else if (this.#fault === "halves") {
      client.write(bytes.subarray(0, bytes.length >> 1), () => client.destroy());
    } else {
      client.write(bytes);
    }
  }
}
