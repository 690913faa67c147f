import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export type Behaviour = (response: ServerResponse) => void;
/** What a prediction says once it is read: fields of its JSON, or whatever is written instead. */
export type Odd = Record<string, unknown> | Behaviour;

/**
 * A provider that answers what no look-alike would: each prediction says what its test planned, and each file does what its test
 * planned. Nothing here draws, signs or calls back.
 */
export class OddProvider {
  /** By prompt. Read again at each request, so that a test may change its mind. */
  readonly plans = new Map<string, Odd>();
  /** By prompt: what a request to create answers instead of making a prediction. */
  readonly refusals = new Map<string, Behaviour>();
  /** By path. */
  readonly files = new Map<string, Behaviour>();
  /** Methods and paths that were asked for, in order. */
  readonly asked: string[] = [];
  readonly #prompts = new Map<string, { prompt: string; body: Record<string, unknown> }>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  /** A second port: another host, which no setting allows. */
  readonly #other = createServer((request, response) => void this.#answer(request, response));

  async start(): Promise<void> {
    for (const server of [this.#server, this.#other]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
  }

  async stop(): Promise<void> {
    for (const server of [this.#server, this.#other]) {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    }
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get other_host(): string {
    return `127.0.0.1:${(this.#other.address() as AddressInfo).port}`;
  }

  /** The settings of a function that asks this provider. */
  get env(): Record<string, string> {
    return {
      REPLICATE_API_URL: `http://${this.host}/v1`,
      REPLICATE_API_TOKEN: "r8_odd",
      REPLICATE_FILE_HOSTS: this.host,
    };
  }

  /** A file that does as it is told. @returns its address. */
  file(behaviour: Behaviour, name = `${randomUUID()}.png`): string {
    this.files.set(`/files/${name}`, behaviour);
    return `http://${this.host}/files/${name}`;
  }

  /** What was sent to create the prediction of a prompt, each time. */
  creates(prompt: string): Record<string, unknown>[] {
    return [...this.#prompts.values()].filter((one) => one.prompt === prompt).map(({ body }) => body);
  }

  asks(path: string): number {
    return this.asked.filter((one) => one.endsWith(path)).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    this.asked.push(`${method} ${url}`);
    const file = this.files.get(url);
    if (file !== undefined) return file(response);
    if (method === "POST" && /^\/v1\/models\/.+\/predictions$/.test(url)) {
      const body = (await json(request)) as { input: { prompt: string } };
      const refusal = this.refusals.get(body.input.prompt);
      if (refusal !== undefined) return refusal(response);
      const id = randomUUID();
      this.#prompts.set(id, { prompt: body.input.prompt, body });
      return send(response, 201, { id, status: "starting", input: body.input });
    }
    const [, id = "", action] = /^\/v1\/predictions\/([^/]+)(\/cancel)?$/.exec(url) ?? [];
    const known = this.#prompts.get(id);
    if (known === undefined) return send(response, 404, { detail: "not found" });
    const odd = this.plans.get(known.prompt) ?? { status: "processing" };
    if (typeof odd === "function") return odd(response);
    send(response, 200, { id, ...(action === undefined ? {} : { canceled: true }), ...odd });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

export const answers =
  (status: number, body: Uint8Array | string = "", headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export const redirects = (to: string): Behaviour => answers(302, "", { location: to });

/** Announces more than it sends, then hangs up. */
export const cutsShort =
  (body: Uint8Array): Behaviour =>
  (response) => {
    response.writeHead(200, { "content-length": String(body.byteLength + 1_000) });
    response.write(body, () => response.destroy());
  };
