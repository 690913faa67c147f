import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type postgres from "postgres";
import { type AdminOptions, answerAdminCall } from "./auth-admin.ts";
import { forward, refuse } from "./forward.ts";
import type { LandingFacts } from "./landing-html.ts";
import type { Lite } from "./lite.ts";
import { OwnPages, wantsLanding } from "./own-pages.ts";
import { explainFileError, reasonOf } from "./problem.ts";
import { RefreshTurns } from "./refresh-turns.ts";
import { type Destination, destinationOf } from "./route.ts";
import { HOST, type Ports } from "./settings.ts";

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

const ADMIN_BODY_LIMIT_BYTES = 1_000_000;

const refreshes = new RefreshTurns();
const pages = new OwnPages();

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
