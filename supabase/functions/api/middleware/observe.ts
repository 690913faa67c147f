import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { describe } from "../redact.ts";
import { inTrace, Trace } from "../trace.ts";

/** Measures a request: one line in the log, one more in the counts, and Server-Timing for the caller. */
export function observe(deps: Deps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = performance.now();
    const trace = new Trace(c.get("requestId"), c.req.raw.headers);
    await inTrace(trace, next);
    const duration_ms = performance.now() - start;
    const { status } = c.res;
    const route = routeOf(c);
    const credentials = c.get("credentials") as Credentials | undefined;
    c.res.headers.set("Server-Timing", serverTiming(trace, duration_ms, credentials));
    deps.requests.count(c.req.method, route, status, duration_ms / 1000);
    if (deps.env.log_requests === "none" || (deps.env.log_requests === "failed" && status < 400)) return;
    const failure = c.get("failure");
    deps.logRequest(status >= 500 ? "error" : "info", {
      request_id: trace.request_id,
      trace_id: trace.trace_id,
      method: c.req.method,
      route,
      status,
      duration_ms: round(duration_ms),
      ...spent(trace),
      ...callerOf(c, credentials),
      ...(failure === undefined ? {} : { error: failure.code }),
      ...(failure?.cause === undefined ? {} : { cause: describe(failure.cause) }),
    });
  };
}

const patterns = new Map<string, string>();

/** The pattern and never the path, which can hold what must not be logged. "none" where nothing is served. */
export function routeOf(c: Context<AppEnv>): string {
  if (c.req.method === "OPTIONS") return "preflight";
  const path = routePath(c);
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    pattern = path === "/*" || path === "*" ? "none" : path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
    patterns.set(path, pattern);
  }
  return pattern;
}

const round = (ms: number) => Math.round(ms * 10) / 10;

function spent({ spent_ms }: Trace): Record<string, number> {
  const fields: Record<string, number> = {};
  for (const part in spent_ms) fields[`${part}_ms`] = round(spent_ms[part as keyof typeof spent_ms] ?? 0);
  return fields;
}

/** The split is for callers who proved who they are: it would tell a stranger which services an address makes us ask. */
function serverTiming(trace: Trace, total_ms: number, credentials: Credentials | undefined): string {
  let header = `total;dur=${round(total_ms)}`;
  if (credentials?.user_id === undefined && credentials?.operator_key_hash === undefined) return header;
  for (const part in trace.spent_ms)
    header += `, ${part};dur=${round(trace.spent_ms[part as keyof typeof trace.spent_ms] ?? 0)}`;
  return header;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function callerOf(c: Context<AppEnv>, credentials: Credentials | undefined): Record<string, string> {
  const caller: Record<string, string> = {};
  const project = credentials?.project_id ?? c.req.param("project_id");
  if (project !== undefined && uuid.test(project)) caller.project_id = project;
  if (credentials?.user_id !== undefined) caller.user_id = credentials.user_id;
  if (credentials?.api_key_hash !== undefined) caller.api_key = fingerprint(credentials.api_key_hash);
  if (credentials?.developer_key_hash !== undefined)
    caller.developer_key = fingerprint(credentials.developer_key_hash);
  if (credentials?.operator_key_hash !== undefined)
    caller.operator_key = fingerprint(credentials.operator_key_hash);
  return caller;
}

/** Names a key without a query: the first 12 digits of its hash, which begin `key_hash` in the database. */
const fingerprint = (hash: string) => hash.slice(0, 12);
