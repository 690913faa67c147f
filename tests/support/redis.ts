import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { Redis } from "ioredis";
import { findFreeBase } from "../../scripts/local/ports.ts";

/** The path of redis-server, from Debian's package. Null when it is not installed. */
export function findRedisServer(): string | null {
  try {
    return execFileSync("which", ["redis-server"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

/** A Redis without persistence that a test can stop, kill and restart on its port. */
export class RedisServer {
  readonly port: number;
  readonly #command: string;
  #child: ChildProcess | undefined;

  private constructor(command: string, port: number) {
    this.#command = command;
    this.port = port;
  }

  static async start(command: string): Promise<RedisServer> {
    const server = new RedisServer(command, await findFreeBase());
    await server.run();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async run(): Promise<void> {
    const options = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--dir", "/tmp"];
    this.#child = spawn(this.#command, options, { stdio: "ignore" });
    const client = this.client();
    await client.ping().finally(() => client.disconnect());
  }

  /** Waits until the server answers. */
  client(): Redis {
    const client = new Redis(this.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
    client.on("error", () => {});
    return client;
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGKILL");
    this.#child = undefined;
    await gone;
  }
}
