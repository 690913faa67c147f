import type { Server } from "node:http";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono } from "hono";
import type { Lite } from "./lite.ts";
import { fromFetch, listen, localServer, type NodeBindings, refusal } from "./local-server.ts";
import type { Ports } from "./settings.ts";

/** A small table editor. It works as service_role, and only for pages of its own origin. */
export async function startStudio(
  ports: Ports,
  lite: Lite,
  publishableKey: string,
  report: (line: string) => void,
): Promise<Server> {
  const manifest = createRequire(import.meta.url).resolve("@supabase/lite/dist/manifest.json");
  const assets = dirname(dirname(manifest));
  const app = new Hono<{ Bindings: NodeBindings }>();
  app.onError((error) => {
    throw error;
  });
  app.notFound((c) => refusal(c.req.raw, 404, "not_found", "The table editor has no such page."));
  app.get("/static/*", serveStatic({ root: assets, rewriteRequestPath: (path) => path.slice(7) }));
  app.all("/static/*", (c) => c.notFound());
  // Lite would show the database's password there, but its page needs only these two values.
  app.get("/_system/info", (c) =>
    c.json({ admin: true, config: { auth: { publishable_key: publishableKey } } }),
  );
  // The names and types of tables and columns. Without them the page lists no table.
  const toLite = (c: Context<{ Bindings: NodeBindings }>) =>
    lite.fetchAsAdmin(c.req.raw, c.env.incoming.socket.remoteAddress);
  app.all("/_system/introspect", toLite);
  app.all("/_system/*", (c) => c.notFound());
  app.all("*", toLite);
  const server = localServer(fromFetch(app.fetch), { name: "The table editor", pages: "own", report });
  await listen(server, ports.studio);
  return server;
}
