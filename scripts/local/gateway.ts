import { randomUUID } from "node:crypto";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import type postgres from "postgres";
import { type AdminOptions, answerAdminCall } from "./auth-admin.ts";
import type { LandingFacts } from "./landing-html.ts";
import type { Lite } from "./lite.ts";
import { OwnPages, wantsLanding } from "./own-pages.ts";
import { explainFileError, reasonOf } from "./problem.ts";
import { RefreshTurns } from "./refresh-turns.ts";
import { type Destination, destinationOf } from "./route.ts";
import { type FunctionName, HOST, type Ports } from "./settings.ts";

export interface GatewayOptions {
  ports: Ports;
  /** Auth, REST and Storage; absent until they have started. */
  lite: () => Lite | undefined;
  sql: () => postgres.Sql | undefined;
  admin: AdminOptions;
  /** What the page at `/` shows, once everything answers. */
  landing?: () => LandingFacts | undefined;
  report: (line: string) => void;
}

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);
const FORWARDED = new Set(["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);
const ADMIN_BODY_LIMIT_BYTES = 1_000_000;
const EARLY_HEAD_BYTES = 65_536;

const refreshes = new RefreshTurns();
const pages = new OwnPages();
const agent = new Agent({ keepAlive: true, maxFreeSockets: 128 });

/** The one address that clients use: sends each path to Auth, REST, Storage or a function. */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, (request, response) => {
    const destination = destinationOf(request.url ?? "/");
    if (destination.kind === "function") {
      forward(request, response, destination.name, destination.path, options.ports);
    } else if (destination.kind === "unknown") {
      refuse(request, response, 404, "not_found", "Nothing is served under this path.");
    } else {
      const answered =
        destination.kind === "platform" || destination.kind === "admin"
          ? platform(request, response, destination, options)
          : ownPage(request, response, destination, options);
      void answered.catch((error: unknown) => {
        options.report(`${request.method} ${request.url?.split("?")[0]} failed: ${reasonOf(error)}`);
        refuse(request, response, 500, "internal_error", "Something went wrong on our side.");
      });
    }
  });
  await listen(server, options.ports.gateway);
  return server;
}

export function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(explainFileError(error, `port ${port}`)));
    server.listen(port, HOST, () => resolve());
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

async function ownPage(
  request: IncomingMessage,
  response: ServerResponse,
  destination: Extract<Destination, { kind: "docs" | "openapi" | "index" }>,
  options: GatewayOptions,
): Promise<void> {
  const [facts, sql] = [options.landing?.(), options.sql()];
  if (destination.kind === "index") {
    if (facts !== undefined && sql !== undefined && wantsLanding(request)) {
      await pages.landing(request, response, facts, sql);
    } else forward(request, response, "api", "/api", options.ports);
  } else if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    refuse(request, response, 405, "method_not_allowed", "This address does not take this method.");
  } else if (destination.kind === "openapi") await pages.openapi(request, response);
  else if (!(await pages.docs(request, response, destination.path))) {
    refuse(request, response, 404, "not_found", "The documentation has no such page.");
  }
}

async function platform(
  request: IncomingMessage,
  response: ServerResponse,
  destination: { kind: "platform" } | { kind: "admin"; path: string },
  options: GatewayOptions,
): Promise<void> {
  const [lite, sql] = [options.lite(), options.sql()];
  if (lite === undefined || sql === undefined) {
    refuse(request, response, 503, "starting", "The stack is starting. Try again in a moment.");
  } else if (destination.kind === "admin" && request.method !== "OPTIONS") {
    const answer = await answerAdminCall(
      sql,
      {
        method: request.method ?? "GET",
        path: destination.path,
        apikey: request.headers.apikey as string | undefined,
        authorization: request.headers.authorization,
        body: await readJson(request),
      },
      options.admin,
    );
    const body = JSON.stringify(answer.body);
    response.writeHead(answer.status, {
      "content-type": "application/json",
      "access-control-allow-origin": "*",
    });
    response.end(body);
  } else if (RefreshTurns.matches(request.method, request.url)) {
    await refreshes.take(sql, await readJson(request), (body) =>
      lite.handle(request, response, JSON.stringify(body ?? null)),
    );
  } else {
    await lite.handle(request, response);
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > ADMIN_BODY_LIMIT_BYTES) return null;
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null;
  }
}

function forward(
  request: IncomingMessage,
  response: ServerResponse,
  name: FunctionName,
  path: string,
  ports: Ports,
): void {
  const has_body =
    request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  const upstream = openRequest({
    agent,
    host: HOST,
    port: ports.functions[name],
    method: request.method ?? "GET",
    path,
    headers: forwardedHeaders(request),
  });
  upstream.on("response", (answer) => {
    response.writeHead(
      answer.statusCode ?? 502,
      withoutHops(answer.rawHeaders, answer.headers.connection, HOP_BY_HOP),
    );
    answer.pipe(response);
    answer.on("error", () => response.destroy());
  });
  upstream.on("error", (error: NodeJS.ErrnoException) => {
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const repeatable = request.method === "GET" || request.method === "HEAD" || request.method === "OPTIONS";
    if (upstream.reusedSocket && error.code === "ECONNRESET" && repeatable && !has_body) {
      // The function closed an idle connection at the moment that it was used again.
      forward(request, response, name, path, ports);
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
  // An answer that came before the whole body: what is left of it must be read, or it blocks the connection's next request.
  response.once("finish", () => {
    if (request.complete) return;
    request.unpipe(upstream);
    request.resume();
    upstream.destroy();
  });
  // A large body is refused by what its headers say, before it comes.
  if (Number(request.headers["content-length"]) > EARLY_HEAD_BYTES) upstream.flushHeaders();
  if (has_body) request.pipe(upstream);
  else upstream.end();
}

function forwardedHeaders(request: IncomingMessage): string[] {
  const headers = withoutHops(request.rawHeaders, request.headers.connection, FORWARDED_AND_HOPS);
  const claimed = request.headers["x-forwarded-for"];
  const peer = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  headers.push("x-forwarded-for", claimed === undefined ? peer : `${claimed}, ${peer}`);
  headers.push("x-forwarded-host", request.headers.host ?? "", "x-forwarded-proto", "http");
  return headers;
}

const FORWARDED_AND_HOPS = new Set([...HOP_BY_HOP, ...FORWARDED]);

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

const SANE_REQUEST_ID = /^[\w.:-]{8,128}$/;

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  detail: string,
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const claimed = request.headers["x-request-id"];
  const request_id = typeof claimed === "string" && SANE_REQUEST_ID.test(claimed) ? claimed : randomUUID();
  request.resume();
  response.writeHead(status, { "content-type": "application/json", "x-request-id": request_id });
  response.end(JSON.stringify({ detail, code, request_id }));
}
