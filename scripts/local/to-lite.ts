import type { Context } from "hono";
import type postgres from "postgres";
import type { Lite } from "./lite.ts";
import type { NodeBindings } from "./local-server.ts";

export type PlatformEnv = {
  Bindings: NodeBindings;
  Variables: {
    lite: Lite;
    sql: postgres.Sql;
    /** The Authorization header for lite. */
    authorization: string | undefined;
    /** The body of a call to Auth, which is read before the checks. */
    body: string;
  };
};

/** What lite answers to the request, or to the request with another body or method. */
export function toLite(
  c: Context<PlatformEnv>,
  body?: string,
  method: string = c.req.method,
): Promise<Response> {
  const { raw, url } = c.req;
  const headers = new Headers(raw.headers);
  const { authorization, lite } = c.var;
  if (authorization !== undefined) headers.set("authorization", authorization);
  if (body !== undefined) headers.delete("content-length");
  const sent = method === "GET" || method === "HEAD" ? null : (body ?? raw.body);
  const request = new Request(url, { method, headers, body: sent, duplex: "half" } as RequestInit);
  return lite.fetch(request, c.env.incoming.socket.remoteAddress);
}
