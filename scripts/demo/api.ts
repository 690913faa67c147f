import { Problem, reasonOf } from "../local/problem.ts";

export type Body = Record<string, unknown>;

/** The API as the demo calls it: a failure is one sentence with the request id. */
export class DemoApi {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  post(path: string, headers: Record<string, string>, json: Body): Promise<Body> {
    return this.send("POST", path, { ...headers, "Content-Type": "application/json" }, JSON.stringify(json));
  }

  async send(method: string, path: string, headers: Record<string, string>, body?: BodyInit): Promise<Body> {
    const what = `${method} ${path.split("?")[0]}`;
    const response = await this.#fetch(`${this.#base}${path}`, what, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const answer = parse(text);
    if (!response.ok) {
      const request_id = answer?.request_id ?? response.headers.get("x-request-id") ?? "none";
      throw new Problem(
        `${what} answered ${response.status}: ${answer?.detail ?? (text.slice(0, 200) || "nothing")} (request id ${request_id})`,
      );
    }
    if (answer === undefined) throw new Problem(`${what} answered ${response.status} without JSON.`);
    return answer;
  }

  async download(address: string): Promise<Uint8Array> {
    const what = "The download of the picture";
    const response = await this.#fetch(address, what, {});
    if (!response.ok)
      throw new Problem(
        `${what} answered ${response.status} (request id ${response.headers.get("x-request-id") ?? "none"})`,
      );
    return new Uint8Array(await response.arrayBuffer());
  }

  async #fetch(address: string, what: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(address, { ...init, signal: AbortSignal.timeout(60_000) });
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      throw new Problem(`${what} got no answer: ${reasonOf(cause ?? error)}.`);
    }
  }
}

function parse(text: string): Body | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Body) : undefined;
  } catch {
    return undefined;
  }
}
