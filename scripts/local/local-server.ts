import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { refuse } from "./forward.ts";
import { type Pages, refusalOf } from "./loopback.ts";
import { explainFileError, reasonOf } from "./problem.ts";
import { loopback } from "./settings.ts";

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export type Door = {
  /** As people read it: "the table editor". */
  name: string;
  /** Which pages may ask; may depend on what is asked for. */
  pages: Pages | ((request: IncomingMessage) => Pages);
  /** Names beside those of loopback, such as a tunnel's that the user set up. */
  hosts?: readonly string[];
  report: (line: string) => void;
  options?: ServerOptions;
};

/** A server whose handler may throw, reject or break its own answer without ending the process. */
export function localServer(handler: Handler, door: Door): Server {
  return createServer(door.options ?? {}, bounded(handler, door));
}

/** Checks the caller, then runs the handler. Every failure becomes an answer. */
export function bounded(handler: Handler, { name, pages, hosts, report }: Door): Handler {
  return (request, response) => {
    const failed = (error: unknown) => {
      if (isGone(request, response)) {
        response.destroy();
        return;
      }
      report(`${name}: ${request.method} ${request.url?.split("?")[0]} failed: ${reasonOf(error)}`);
      refuse(request, response, 500, "internal_error", "Something went wrong on our side.");
    };
    // Without listeners, an error of either stream would end the process.
    request.on("error", () => {});
    response.on("error", () => {});
    try {
      const asked = typeof pages === "function" ? pages(request) : pages;
      const refusal = refusalOf(request.headers, asked, hosts);
      if (refusal !== undefined) return refuse(request, response, ...refusal);
      if (!request.url?.startsWith("/"))
        return refuse(
          request,
          response,
          400,
          "bad_request",
          "A request names a path, which begins with a slash.",
        );
      // The API itself refuses unreadable addresses.
      if (asked !== "any" && !isReadable(request.url))
        return refuse(request, response, 400, "bad_request", "This is no address.");
      // Neither fetch nor these servers support them.
      if (["TRACE", "TRACK", "CONNECT"].includes(request.method ?? ""))
        return refuse(
          request,
          response,
          405,
          "method_not_allowed",
          "This address does not take this method.",
        );
      const work = handler(request, response);
      if (work instanceof Promise) return work.catch(failed);
    } catch (error) {
      failed(error);
    }
  };
}

function isReadable(target: string): boolean {
  try {
    decodeURIComponent(target);
    return URL.canParse(target, "http://localhost");
  } catch {
    return false;
  }
}

/** A client that disconnects before the answer is no failure. */
const isGone = (request: IncomingMessage, response: ServerResponse) =>
  response.destroyed || request.socket.destroyed || (request.destroyed && !request.complete);

export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays attached, because an unhandled error would end the process.
    server.on("error", (error) => reject(explainFileError(error, `port ${port}`)));
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
