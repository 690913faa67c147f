import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export type Behaviour = (response: ServerResponse) => void;
/** The answer to a read of a prediction: fields of its JSON, or any other response. */
export type Odd = Record<string, unknown> | Behaviour;

/** A provider whose predictions and files answer as their test planned. It draws no pictures and sends no webhooks. */
export class OddProvider {
  /** By prompt. Each request reads its plan, so a test may change it. */
  readonly plans = new Map<string, Odd>();
  /** By prompt: the answer to a create that makes no prediction. */
  readonly refusals = new Map<string, Behaviour>();
  /** By path. */
  readonly files = new Map<string, Behaviour>();
  /** Methods and paths of all requests, in order. */
  readonly requests: string[] = [];
  readonly #prompts = new Map<string, { prompt: string; body: Record<string, unknown> }>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  /** A second port counts as another host, which no setting allows. */
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

  get otherHost(): string {
    return `127.0.0.1:${(this.#other.address() as AddressInfo).port}`;
  }

  /** The settings of a function that uses this provider. */
  get env(): Record<string, string> {
    return {
      REPLICATE_API_URL: `http://${this.host}/v1`,
      REPLICATE_API_TOKEN: "r8_odd",
      REPLICATE_FILE_HOSTS: this.host,
    };
  }

  /** Adds a file with this behaviour. @returns its URL. */
  file(behaviour: Behaviour, name = `${randomUUID()}.png`): string {
    this.files.set(`/files/${name}`, behaviour);
    return `http://${this.host}/files/${name}`;
  }

  /** The bodies of all creates for a prompt. */
  creates(prompt: string): Record<string, unknown>[] {
    return [...this.#prompts.values()].filter((one) => one.prompt === prompt).map(({ body }) => body);
  }

  countRequests(path: string): number {
    return this.requests.filter((one) => one.endsWith(path)).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    this.requests.push(`${method} ${url}`);
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

export const answer =
  (status: number, body: Uint8Array | string = "", headers: Record<string, string> = {}): Behaviour =>
  (response) =>
    void response.writeHead(status, headers).end(body);

export const redirect = (to: string): Behaviour => answer(302, "", { location: to });

/** Announces more bytes than it sends, then closes the connection. */
export const cutShort =
  (body: Uint8Array): Behaviour =>
  (response) => {
    response.writeHead(200, { "content-length": String(body.byteLength + 1_000) });
    response.write(body, () => response.destroy());
  };
