import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { inject } from "vitest";
import { closeServer } from "../../scripts/local/local-server.ts";
import { createHandler } from "../../supabase/functions/api/handler.ts";
import { tokenSettings } from "./auth-tokens.ts";

type Handler = (request: Request) => Response | Promise<Response>;

export type Served = { url: string; stop: () => Promise<void> };

/** A proxy to the suite's stack for other programs. It checks each answer against docs/openapi.json. */
export const serveStack = (): Promise<Served> =>
  serve(async (request) => {
    const { gateway } = inject("stack").urls;
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = request.body === null ? null : await request.arrayBuffer();
    return fetch(`${gateway}${pathname}${search}`, { method, headers, body, redirect: "manual" });
  });

/** Serves a fetch handler on its own port. */
export async function serve(handler: Handler): Promise<Served> {
  const server: Server = createServer(async (incoming, outgoing) => {
    const answer = await handler(await toRequest(incoming));
    outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
    // The body is streamed, so that events arrive at once until their reader disconnects.
    await pipeline(answer.body ?? [], outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => closeServer(server) };
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const { method = "GET", url = "/", headers } = incoming;
  const body = method === "GET" || method === "HEAD" ? null : new Uint8Array(await buffer(incoming));
  const { connection: _, "transfer-encoding": __, "content-length": ___, ...kept } = headers;
  return new Request(`http://${headers.host}${url}`, {
    method,
    headers: kept as Record<string, string>,
    body: body?.byteLength ? body : null,
  });
}

/** The API in this process, with the suite's stack and these settings. */
export function createApi(settings: Record<string, string>): Handler {
  const { urls, keys, database_url = "" } = inject("stack");
  return createHandler(
    {
      SUPABASE_URL: urls.gateway,
      PUBLIC_URL: urls.gateway,
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secret }),
      DATABASE_URL: database_url,
      ...tokenSettings(keys),
      REPLICATE_API_URL: `${urls.replicate}/v1`,
      REPLICATE_API_TOKEN: keys.replicate_token,
      ...settings,
    },
    () => {},
  );
}
