import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join, normalize } from "node:path";
import { listen } from "./gateway.ts";
import type { Lite } from "./lite.ts";
import { reasonOf } from "./problem.ts";
import type { Ports } from "./settings.ts";

const TYPES: Record<string, string> = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** A small table editor. It works as service_role, for pages of its own address only. */
export async function startStudio(ports: Ports, lite: Lite, report: (line: string) => void): Promise<Server> {
  const assets = join(
    dirname(createRequire(import.meta.url).resolve("@supabase/lite/dist/manifest.json")),
    "..",
  );
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://studio").pathname;
    const work = path.startsWith("/static/")
      ? sendAsset(assets, path.slice("/static/".length), response)
      : lite.handleAsAdmin(request, response);
    work.catch((error: unknown) => {
      report(`The table editor failed: ${reasonOf(error)}`);
      response.headersSent ? response.destroy() : response.writeHead(500).end();
    });
  });
  await listen(server, ports.studio);
  return server;
}

async function sendAsset(folder: string, path: string, response: ServerResponse): Promise<void> {
  const file = join(folder, normalize(`/${decodeURIComponent(path)}`));
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "content-type": TYPES[extname(file)] ?? "application/octet-stream",
    "content-length": found.size,
    "cache-control": "max-age=3600",
  });
  createReadStream(file)
    .on("error", () => response.destroy())
    .pipe(response);
}
