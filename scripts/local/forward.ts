import { Agent, type IncomingMessage, request as openRequest, type ServerResponse } from "node:http";
import { refuse } from "./local-server.ts";
import { type FunctionName, loopback, type Ports } from "./settings.ts";

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);
const ownHeaders = new Set([...hopByHop, "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
const earlyHeadBytes = 65_536;

const agent = new Agent({ keepAlive: true, maxFreeSockets: 128 });

/** Forwards a request to a function, and streams its answer back. */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  name: FunctionName,
  path: string,
  ports: Ports,
  isAgain = false,
): void {
  const has_body =
    request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  const isRepeatable = ["GET", "HEAD", "OPTIONS"].includes(request.method ?? "") && !has_body;
  const upstream = openRequest({
    // A function may close an idle connection at any moment. So only repeatable requests use idle connections; a failed
    // one is sent again.
    agent: isRepeatable && !isAgain ? agent : false,
    host: loopback,
    port: ports.functions[name],
    method: request.method ?? "GET",
    path,
    headers: forwardedHeaders(request),
  });
  upstream.on("response", (answer) => {
    response.writeHead(
      answer.statusCode ?? 502,
      withoutHops(answer.rawHeaders, answer.headers.connection, hopByHop),
    );
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    if (upstream.reusedSocket && error.code === "ECONNRESET") {
      forward(request, response, name, path, ports, true);
    } else if (error.code === "ECONNREFUSED") {
      response.setHeader("retry-after", "1");
      refuse(
        request,
        response,
        503,
        "unavailable",
        "This service is starting or restarting. Try again in a moment.",
      );
    } else {
      refuse(request, response, 502, "bad_gateway", "This service ended the connection before it answered.");
    }
  });
  response.once("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  // The answer came before the end of the body. The rest must be read, or it blocks the next request on this connection.
  response.once("finish", () => {
    if (request.complete) return;
    request.unpipe(upstream);
    request.resume();
    upstream.destroy();
  });
  // The headers decide about a large body before it arrives.
  if (Number(request.headers["content-length"]) > earlyHeadBytes) upstream.flushHeaders();
  if (has_body) request.pipe(upstream);
  else upstream.end();
}

function forwardedHeaders(request: IncomingMessage): string[] {
  const headers = withoutHops(request.rawHeaders, request.headers.connection, ownHeaders);
  const claimed = request.headers["x-forwarded-for"];
  const peer = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  headers.push("x-forwarded-for", claimed === undefined ? peer : `${claimed}, ${peer}`);
  headers.push("x-forwarded-host", request.headers.host ?? "", "x-forwarded-proto", "http");
  return headers;
}

function withoutHops(raw: string[], connection: string | undefined, dropped: Set<string>): string[] {
  const named =
    connection === undefined || connection === "keep-alive" ? undefined : connection.toLowerCase();
  const kept: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = (raw[index] ?? "").toLowerCase();
    if (dropped.has(name) || named?.split(/\s*,\s*/).includes(name)) continue;
    kept.push(raw[index] ?? "", raw[index + 1] ?? "");
  }
  return kept;
}
