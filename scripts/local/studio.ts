import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { refuse } from "./forward.ts";
import type { Lite } from "./lite.ts";
import { listen, localServer } from "./local-server.ts";
import type { Ports } from "./settings.ts";

const contentTypes: Record<string, string> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** A small table editor. It works as service_role, and only for pages of its own address. */
export async function startStudio(
  ports: Ports,
  lite: Lite,
  publishableKey: string,
  report: (line: string) => void,
): Promise<Server> {
  const assets = join(
    dirname(createRequire(import.meta.url).resolve("@supabase/lite/dist/manifest.json")),
    "..",
  );
  const info = JSON.stringify({ admin: true, config: { auth: { publishable_key: publishableKey } } });
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const path = new URL(request.url ?? "/", "http://studio").pathname;
    if (path.startsWith("/static/")) return sendAsset(assets, path.slice("/static/".length), response);
    // Lite would show the password of the database there; its page needs only these two facts.
    if (path === "/_system/info")
      return void response.setHeader("content-type", "application/json").end(info);
    // Names and types of tables and columns; without them the page lists no table.
    if (path.startsWith("/_system") && path !== "/_system/introspect")
      return refuse(request, response, 404, "not_found", "The table editor has no such page.");
    return lite.handleAsAdmin(request, response);
  };
  const server = localServer(handle, { name: "The table editor", pages: "own", report });
  await listen(server, ports.studio);
  return server;
}

async function sendAsset(folder: string, path: string, response: ServerResponse): Promise<void> {
  const file = join(folder, normalize(`/${decoded(path)}`));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "content-type": contentTypes[extname(file)] ?? "application/octet-stream",
    "content-length": found.size,
    "cache-control": "max-age=3600",
  });
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
