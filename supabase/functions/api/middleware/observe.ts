import type { Context, MiddlewareHandler } from "hono";
import { routePath } from "hono/route";
import { methodOf } from "../clients/request-counter.ts";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { requestLine } from "../request-line.ts";
import { inTrace, Trace } from "../trace.ts";

/** Measures a request for the log, the counts and the Server-Timing header. */
export function observe(deps: Deps): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = performance.now();
    c.set("deps", deps);
    const { headers } = c.req.raw;
    const trace = new Trace(c.get("requestId"), headers.get("traceparent"), headers.get("tracestate"));
    // The header has a cost, so only callers that may use it get it: browsers, tracers and operators.
    if (trace.parent !== null || headers.has("origin") || headers.has("x-operator-key")) {
      trace.onSpent = () => {
        const timing = serverTiming(trace, performance.now() - start, c.get("credentials"));
        c.get("head")["Server-Timing"] = timing;
      };
    }
    await inTrace(trace, next);
    trace.onSpent = undefined;
    const duration_ms = performance.now() - start;
    const { status } = c.res;
    const method = methodOf(c.req.method);
    const route = routeOf(c);
    deps.requests.count(method, route, status, duration_ms / 1000);
    const { log_requests } = deps.env;
    if (log_requests === "none" || (log_requests === "failed" && status < 400)) return;
    const level = status >= 500 ? "error" : "info";
    const facts = { level, method, route, status, duration_ms } as const;
    const caller = c.get("credentials") ?? nobody;
    const project_id = caller.project_id ?? c.req.param("project_id");
    deps.writeRequest(level, requestLine(facts, trace, caller, project_id, c.get("failure")));
  };
}

const nobody: Credentials = {};
const patterns = new Map<string, string>();

/** The route's pattern. The path is not logged, since it can contain secrets. "none" for an unknown path. */
function routeOf(c: Context<AppEnv>): string {
  if (c.req.method === "OPTIONS") return "preflight";
  const path = routePath(c);
  let pattern = patterns.get(path);
  if (pattern === undefined) {
    pattern = path.endsWith("*") ? "none" : path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
    patterns.set(path, pattern);
  }
  return pattern;
}

/** Only authenticated callers get the split by service, since it would show a stranger whether an account exists. */
function serverTiming(trace: Trace, totalMs: number, credentials: Credentials | undefined): string {
  let header = `total;dur=${totalMs.toFixed(1)}`;
  if (credentials?.user_id === undefined && credentials?.operator_key_hash === undefined) return header;
  const { spent_ms } = trace;
  for (const part in spent_ms)
    header += `, ${part};dur=${(spent_ms[part as keyof typeof spent_ms] ?? 0).toFixed(1)}`;
  return header;
}
