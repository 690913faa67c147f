import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { type Pages, refusalOf } from "./loopback.ts";
import { explainSystemError, reasonOf } from "./problem.ts";
import { loopback } from "./settings.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

/** The Node objects for a fetch handler. */
export type NodeBindings = { incoming: IncomingMessage; outgoing: ServerResponse };

type ServerRules = {
  /** The name for people, such as "the table editor". */
  name: string;
  /** The pages that may send requests. They may depend on the request. */
  pages: Pages | ((request: IncomingMessage) => Pages);
  /** Host names besides those of loopback, such as that of the user's tunnel. */
  hosts?: readonly string[];
  report: (line: string) => void;
  options?: ServerOptions;
};

/** A server whose handler may throw, reject or break off its answer without ending the process. */
export function localServer(handler: Handler, rules: ServerRules): Server {
  return createServer(rules.options ?? {}, bounded(handler, rules));
}

/** Checks the caller, then runs the handler. Every failure becomes an answer. */
export function bounded(handler: Handler, { name, pages, hosts, report }: ServerRules): Handler {
  return (request, response) => {
    const failed = (error: unknown) => {
      if (isGone(request, response)) {
        response.destroy();
        return;
      }
      report(`${name}: ${request.method} ${request.url?.split("?")[0]} failed: ${reasonOf(error)}`);
      refuse(request, response, 500, "internal_error", "An internal error happened. Try again later.");
    };
    // Without listeners, an error of either stream would end the process.
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      const asked = typeof pages === "function" ? pages(request) : pages;
      const refusal = refusalOf(request.headers, asked, hosts);
      if (refusal !== undefined) return refuse(request, response, ...refusal);
      // The API itself refuses invalid paths.
      if (!request.url?.startsWith("/") || (asked !== "any" && !isReadable(request.url)))
        return refuse(request, response, ...badAddress);
      // Neither fetch nor these servers support these methods.
      if (["TRACE", "TRACK", "CONNECT"].includes(request.method ?? ""))
        return refuse(request, response, ...wrongMethod);
      const work = handler(request, response);
      if (work instanceof Promise) return work.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

/** Whether a path can be decoded. */
export function isReadable(target: string): boolean {
  try {
    decodeURIComponent(target);
    return URL.canParse(target, "http://localhost");
  } catch {
    return false;
  }
}

/** Whether the client has disconnected before the answer, which is not a failure. */
const isGone = (request: IncomingMessage, response: ServerResponse) =>
  response.destroyed || request.socket.destroyed || (request.destroyed && !request.complete);

/** An answer of the server itself, in the shape of the API's errors. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  ...[status, code, detail]: Refused
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { headers, body } = problemOf(request.headers["x-request-id"], code, detail);
  request.resume();
  response.writeHead(status, headers);
  response.end(body);
}

/** The same for a fetch handler. */
export function refusal(request: Request, ...[status, code, detail]: Refused): Response {
  const { headers, body } = problemOf(request.headers.get("x-request-id"), code, detail);
  return new Response(body, { status, headers });
}

type Refused = [status: number, code: string, detail: string];
export const badAddress: Refused = [400, "bad_request", "This is not a valid address."];
export const wrongMethod: Refused = [
  405,
  "method_not_allowed",
  "This endpoint does not support this method.",
];

function problemOf(claimed: unknown, code: string, detail: string) {
  const isSane = typeof claimed === "string" && /^[\w.:-]{8,128}$/.test(claimed);
  const request_id = isSane ? claimed : randomUUID();
  const headers = { "content-type": "application/json", "x-request-id": request_id };
  return { headers, body: JSON.stringify({ detail, code, request_id }) };
}

type Fetch = (request: Request, node: NodeBindings) => Response | Promise<Response>;

/** Turns a fetch handler into a handler of Node's server. Both bodies are streamed, and errors are passed on. */
export function fromFetch(fetch: Fetch): Handler {
  return async (incoming, outgoing) => {
    const { method = "GET", rawHeaders, url } = incoming;
    const headers = new Headers();
    for (let index = 0; index < rawHeaders.length; index += 2)
      headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
    const body = method === "GET" || method === "HEAD" ? null : Readable.toWeb(incoming);
    const init = { method, headers, body, duplex: "half" } as RequestInit;
    const request = new Request(`http://${incoming.headers.host}${url}`, init);
    const answer = await fetch(request, { incoming, outgoing });
    // The answer came before the end of the body. The rest must be read, or it blocks the next request on this connection.
    outgoing.once("finish", () => {
      if (!incoming.complete) incoming.removeAllListeners("data").resume();
    });
    const cookies = answer.headers.getSetCookie();
    const fields = Object.fromEntries(answer.headers);
    outgoing.writeHead(answer.status, cookies.length > 0 ? { ...fields, "set-cookie": cookies } : fields);
    if (answer.body === null) outgoing.end();
    else await pipeline(Readable.fromWeb(answer.body as ReadableStream), outgoing);
  };
}

export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // The listener stays, because an unhandled error would end the process.
    server.on("error", (error) => reject(explainSystemError(error, `port ${port}`)));
    server.listen(port, loopback, () => resolve());
  });
}

/** Ends a server with its open connections. */
export function closeServer(server: Server | undefined): Promise<void> {
  if (server === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
