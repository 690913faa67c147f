import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { closeServer } from "../../scripts/local/local-server.ts";

/** An answer of Auth or of its gateway. "reset" cuts the connection; "silence" never answers. */
export type AuthReply =
  | { status: number; body: unknown; type?: string; headers?: Record<string, string> }
  | "reset"
  | "silence";

/** A refusal in both forms of Auth: before API version 2024-01-01 and since. */
export const bothForms = (status: number, code: string): AuthReply[] => [
  { status, body: { code: status, error_code: code, msg: "Auth's own words" } },
  { status, body: { code, message: "Auth's own words" } },
];

const one = (status: number, code: string) => bothForms(status, code)[0] as AuthReply;

/** Answers of Auth and its gateway to a fault of the project, not of the user. */
export const faultsOfAuth: [name: string, reply: AuthReply, status: number, code: string][] = [
  [
    "a disabled secret key",
    { status: 401, body: { message: "Invalid API key", hint: "Double check" } },
    502,
    "auth_error",
  ],
  ["a restricted project", { status: 402, body: { message: "exceed_egress_quota" } }, 502, "auth_error"],
  ["a missing route", { status: 404, body: "404 page not found", type: "text/plain" }, 502, "auth_error"],
  ["a disabled provider (old form)", one(422, "email_provider_disabled"), 502, "auth_error"],
  [
    "a disabled provider (new form)",
    bothForms(422, "email_provider_disabled")[1] as AuthReply,
    502,
    "auth_error",
  ],
  ["a failed captcha", one(400, "captcha_failed"), 502, "auth_error"],
  ["an unknown code", one(400, "something_new"), 502, "auth_error"],
  [
    "a refusal without a code",
    { status: 400, body: { error: "invalid_grant", error_description: "Bad" } },
    502,
    "auth_error",
  ],
  ['the code "constructor"', one(400, "constructor"), 502, "auth_error"],
  ["a redirect", { status: 302, body: "", headers: { location: "http://127.0.0.1:9/" } }, 502, "auth_error"],
  ["an HTML page with status 200", { status: 200, body: "<html>", type: "text/html" }, 502, "auth_error"],
  ["an empty object", { status: 200, body: {} }, 502, "auth_error"],
  ["two conflicts", one(409, "conflict"), 503, "auth_unavailable"],
  ["two timeouts of the gateway", { status: 408, body: "" }, 503, "auth_unavailable"],
  ["an internal failure", one(500, "unexpected_failure"), 503, "auth_unavailable"],
  ["a 500 with the code of a wrong password", one(500, "invalid_credentials"), 503, "auth_unavailable"],
  [
    "an HTML page with status 503",
    { status: 503, body: "<html>", type: "text/html" },
    503,
    "auth_unavailable",
  ],
  ["a timeout", one(504, "request_timeout"), 503, "auth_unavailable"],
  ["a cut connection", "reset", 503, "auth_unavailable"],
  [
    "a rate limit",
    {
      status: 429,
      body: { code: 429, error_code: "over_request_rate_limit", msg: "Request rate limit reached" },
      headers: { "retry-after": "60" },
    },
    429,
    "rate_limited",
  ],
];

/** A proxy before the gateway of a stack. It forwards every request, except for answers that a test replaces. */
export class AuthDouble {
  readonly url: string;
  /** Every call to Auth, in order. */
  readonly calls: { target: string; forwarded_for: string | undefined; body: string }[] = [];
  readonly #server: Server;
  readonly #replies: { of: RegExp; reply: AuthReply; left: number; late: boolean }[] = [];

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(gateway: string): Promise<AuthDouble> {
    let double: AuthDouble;
    const server = createServer((request, response) => {
      double.#answer(gateway, request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    double = new AuthDouble(server);
    return double;
  }

  /** Replaces the next answers to calls whose "METHOD /target" matches `of`. `late`: the real call happens first. */
  reply(of: RegExp, reply: AuthReply, { times = Number.POSITIVE_INFINITY, late = false } = {}): void {
    this.#replies.unshift({ of, reply, left: times, late });
  }

  /** Removes all replaced answers and forgets the calls. */
  restore(): void {
    this.#replies.length = 0;
    this.calls.length = 0;
  }

  stop(): Promise<void> {
    return closeServer(this.#server);
  }

  async #answer(gateway: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = request;
    const body = new Uint8Array(await buffer(request));
    const target = `${method} ${url}`;
    const forwarded_for = headers["sb-forwarded-for"] as string | undefined;
    if (url.startsWith("/auth/v1/"))
      this.calls.push({ target, forwarded_for, body: Buffer.from(body).toString() });
    const replaced = this.#replies.find(({ of, left }) => left > 0 && of.test(target));
    const pass = async () => {
      const { connection: _, "content-length": __, "transfer-encoding": ___, ...kept } = headers;
      return fetch(`${gateway}${url}`, {
        method,
        headers: kept as Record<string, string>,
        redirect: "manual",
        ...(method === "GET" || method === "HEAD" ? {} : { body }),
      });
    };
    if (replaced === undefined) {
      const real = await pass();
      const { "content-encoding": _, "content-length": __, ...fields } = Object.fromEntries(real.headers);
      response.writeHead(real.status, fields);
      response.end(Buffer.from(await real.arrayBuffer()));
      return;
    }
    replaced.left--;
    if (replaced.late) await (await pass()).arrayBuffer();
    if (replaced.reply === "silence") return;
    if (replaced.reply === "reset") return void request.socket.destroy();
    const { status, body: text, type = "application/json", headers: more = {} } = replaced.reply;
    response.writeHead(status, { "content-type": type, ...more });
    response.end(typeof text === "string" ? text : JSON.stringify(text));
  }
}
