import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type postgres from "postgres";
import { type AdminOptions, answerAdminCall } from "./auth-admin.ts";
import { Refusal } from "./auth-admin-input.ts";
import { AuthManners } from "./auth-manners.ts";
import { readConfig } from "./config.ts";
import { forward, refuse } from "./forward.ts";
import type { LandingFacts } from "./landing-html.ts";
import type { Lite } from "./lite.ts";
import { listen, localServer } from "./local-server.ts";
import { OwnPages, wantsLanding } from "./own-pages.ts";
import { RefreshTurns } from "./refresh-turns.ts";
import { type Destination, destinationOf } from "./route.ts";
import type { Ports } from "./settings.ts";

export interface GatewayOptions {
  ports: Ports;
  /** Auth, REST and Storage; absent until they have started. */
  lite: () => Lite | undefined;
  sql: () => postgres.Sql | undefined;
  admin: AdminOptions;
  /** Names of this stack beside those of loopback, such as a tunnel's. */
  hosts?: readonly string[];
  /** What the page at `/` shows, once everything answers. */
  landing?: () => LandingFacts | undefined;
  report: (line: string) => void;
}

const ADMIN_BODY_LIMIT_BYTES = 1_000_000;

const refreshes = new RefreshTurns();
const pages = new OwnPages();

/**
 * The one address that clients use: sends each path to Auth, REST, Storage or a function. The API decides itself which pages
 * may ask it; the rest is for pages of this machine.
 */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const { report, hosts = [], ports } = options;
  const manners = new AuthManners({ config: readConfig(), keys: options.admin.keys });
  const server = localServer((request, response) => answer(request, response, { ...options, manners }), {
    name: "The gateway",
    pages: ({ url }) => {
      const { kind } = destinationOf(url ?? "/");
      return kind === "platform" || kind === "admin" ? "local" : "any";
    },
    hosts,
    report,
    options: { keepAliveTimeout: 65_000, requestTimeout: 0 },
  });
  await listen(server, ports.gateway);
  return server;
}

type Running = GatewayOptions & { manners: AuthManners };

function answer(request: IncomingMessage, response: ServerResponse, options: Running): unknown {
  const destination = destinationOf(request.url ?? "/");
  switch (destination.kind) {
    case "function":
      return forward(request, response, destination.name, destination.path, options.ports);
    case "unknown":
      return refuse(request, response, 404, "not_found", "Nothing is served under this path.");
    case "platform":
    case "admin":
      return platform(request, response, destination, options);
    default:
      return ownPage(request, response, destination, options);
  }
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
      await pages.landing(request, response, facts, sql, options.admin.keys);
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
  options: Running,
): Promise<void> {
  const [lite, sql] = [options.lite(), options.sql()];
  const isAuth = AuthManners.matches(request.url);
  if (isAuth && options.manners.answerPreflight(request, response)) return;
  if (lite === undefined || sql === undefined) {
    refuse(request, response, 503, "starting", "The stack is starting. Try again in a moment.");
  } else if (destination.kind === "admin") {
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
    answerJson(response, answer.status, answer.body);
  } else if (isAuth) {
    await auth(request, response, lite, sql, options.manners);
  } else {
    await lite.handle(request, response);
  }
}

async function auth(
  request: IncomingMessage,
  response: ServerResponse,
  lite: Lite,
  sql: postgres.Sql,
  manners: AuthManners,
): Promise<void> {
  const isRefresh = RefreshTurns.matches(request.method, request.url);
  const isRead = isRefresh || manners.needsBody(request.method, request.url);
  const body = isRead ? await readJson(request) : undefined;
  try {
    await manners.check(sql, request, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, error_code, message: msg } = error;
    if (status === 429) response.setHeader("retry-after", "60");
    response.setHeader("x-sb-error-code", error_code);
    return answerJson(response, status, { code: status, error_code, msg });
  }
  const handle = (read: unknown) => lite.handle(request, response, JSON.stringify(read ?? null));
  if (isRefresh) await refreshes.take(sql, body, handle);
  else if (isRead) await handle(body);
  else await lite.handle(request, response);
}

function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
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
