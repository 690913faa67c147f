import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";

const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".md": "text/markdown; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".yml": "text/plain; charset=utf-8",
};

export type File = { path: string; size: number; modified_ms: number };

export async function firstFile(paths: string[]): Promise<File | undefined> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile()) return { path, size: found.size, modified_ms: found.mtimeMs };
  }
  return undefined;
}

/** Sends a file with an ETag, so that a browser need not load it again. */
export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  file: File,
  headers: Record<string, string> = {},
): void {
  const etag = `"${file.size.toString(36)}-${Math.floor(file.modified_ms).toString(36)}"`;
  const common = { ...headers, etag, "cache-control": "no-cache", "x-content-type-options": "nosniff" };
  if (request.headers["if-none-match"] === etag) {
    response.writeHead(304, common).end();
    return;
  }
  response.writeHead(200, {
    ...common,
    "content-type": contentTypes[extname(file.path)] ?? "application/octet-stream",
    "content-length": file.size,
  });
  if (request.method === "HEAD") response.end();
  else
    createReadStream(file.path)
      .on("error", () => response.destroy())
      .pipe(response);
}
