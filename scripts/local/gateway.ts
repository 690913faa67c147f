import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type postgres from "postgres";
import type { AccessTokens } from "./access-tokens.ts";
import { type AdminOptions, answerAdminCall } from "./auth-admin.ts";
import { Refusal } from "./auth-admin-input.ts";
import { AuthManners } from "./auth-manners.ts";
import { withSession } from "./auth-session.ts";
import { readConfig } from "./config.ts";
import { forward, refuse } from "./forward.ts";
import type { LandingFacts } from "./landing-html.ts";
import type { Lite } from "./lite.ts";
import { listen, localServer } from "./local-server.ts";
import { OwnPages, wantsLanding } from "./own-pages.ts";
import { CountedTokens } from "./refresh-counter.ts";
import { FamilyTokens, RefreshTurns } from "./refresh-turns.ts";
import { type Destination, destinationOf } from "./route.ts";
import type { Ports } from "./settings.ts";

export type GatewayOptions = {
  ports: Ports;
  /** Auth, REST and Storage; absent until they have started. */
  lite: () => Lite | undefined;
  sql: () => postgres.Sql | undefined;
  admin: AdminOptions;
  tokens: AccessTokens;
  /** Refresh tokens as Auth has always made them, or counted ones, which it makes with `refresh_token_algorithm_version = 2`. */
  refresh_tokens?: RefreshVersion;
  /** Names of this stack beside those of loopback, such as a tunnel's. */
  hosts?: readonly string[];
  /** What the page at `/` shows, once everything answers. */
  landing?: () => LandingFacts | undefined;
  report: (line: string) => void;
};

export type RefreshVersion = "v1" | "v2";

const adminBodyLimitBytes = 1_000_000;

const publicKeys = "/auth/v1/.well-known/jwks.json";

const pages = new OwnPages();

/**
 * The one address that clients use: sends each path to Auth, REST, Storage or a function. The API decides itself which pages
 * may ask it; the rest is for pages of this machine.
 */
export async function startGateway(options: GatewayOptions): Promise<Server> {
  const { report, hosts = [], ports } = options;
  const manners = new AuthManners({ config: readConfig(), keys: options.admin.keys });
  const refreshes = new RefreshTurns(
    options.refresh_tokens === "v2" ? new CountedTokens() : new FamilyTokens(),
  );
  const running = { ...options, manners, refreshes };
  const server = localServer((request, response) => answer(request, response, running), {
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

type Running = GatewayOptions & { manners: AuthManners; refreshes: RefreshTurns };

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
  else if (facts !== undefined && destination.kind === "docs" && destination.path === "/demo.json")
    pages.demo(request, response, facts);
  else if (facts !== undefined && destination.kind === "docs" && destination.path === "/sample.png")
    await pages.sample(request, response, facts);
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
  if (lite === undefined || sql === undefined)
    return refuse(request, response, 503, "starting", "The stack is starting. Try again in a moment.");
  if (request.method === "GET" && request.url === publicKeys) {
    response.setHeader("cache-control", "public, max-age=600");
    return answerJson(response, 200, options.tokens.public_keys);
  }
  const authorization = await options.tokens.inward(request.headers.authorization);
  if (destination.kind === "admin") {
    const { method = "GET", headers } = request;
    const apikey = headers.apikey as string | undefined;
    const call = { method, path: destination.path, apikey, authorization, body: await readJson(request) };
    const { status, body } = await answerAdminCall(sql, call, options.admin);
    answerJson(response, status, JSON.stringify(body));
  } else if (isAuth) {
    await auth(request, response, { lite, sql, authorization }, options);
  } else {
    await lite.handle(request, response, { authorization });
  }
}

async function auth(
  request: IncomingMessage,
  response: ServerResponse,
  { lite, sql, authorization }: { lite: Lite; sql: postgres.Sql; authorization: string | undefined },
  { manners, refreshes, tokens }: Running,
): Promise<void> {
  const isRefresh = RefreshTurns.matches(request.method, request.url);
  const isRead = isRefresh || manners.needsBody(request.method, request.url);
  const body = isRead ? await readJson(request) : undefined;
  const answered = (answer: Response) =>
    withSession(answer, async (session) => ({
      access_token: await tokens.outward(session.access_token),
      refresh_token: await refreshes.outward(sql, session),
    }));
  const handle = (read: unknown) =>
    lite.handle(request, response, { authorization, answered, body: JSON.stringify(read ?? null) });
  try {
    await manners.check(sql, request, body);
    if (isRefresh) await refreshes.take(sql, body, handle);
    else if (isRead) await handle(body);
    else await lite.handle(request, response, { authorization, answered });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, error_code, message: msg } = error;
    if (status === 429) response.setHeader("retry-after", "60");
    response.setHeader("x-sb-error-code", error_code);
    answerJson(response, status, JSON.stringify({ code: status, error_code, msg }));
  }
}

function answerJson(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(json);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > adminBodyLimitBytes) return null;
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null;
  }
}
