import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { imageType } from "./image-file.ts";

const MAX_BYTES = 30 * 1024 * 1024;
const TIMEOUT_MS = 15_000;

/** Its message becomes the `error` of the prediction, in the words of the Python that runs the real models. */
export class InputImageError extends Error {}

/** Bytes of a data: or http(s) address, fetched as the service does. Throws {@link InputImageError}. */
export async function loadInputImage(address: string, signal: AbortSignal): Promise<Buffer> {
  const bytes = address.startsWith("data:") ? decodeDataUrl(address) : await download(address, signal);
  if (!imageType(bytes)) throw new InputImageError("cannot identify image file <_io.BytesIO object>");
  return bytes;
}

function decodeDataUrl(address: string): Buffer {
  const comma = address.indexOf(",");
  if (comma < 0) throw new InputImageError("Invalid data URI");
  const body = address.slice(comma + 1);
  const base64 = address.slice(0, comma).endsWith(";base64");
  return base64 ? Buffer.from(body, "base64") : Buffer.from(decodeURIComponent(body), "latin1");
}

async function download(address: string, signal: AbortSignal): Promise<Buffer> {
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InputImageError(`No connection adapters were found for '${address}'`);
  }
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
  } catch (cause) {
    if (signal.aborted) throw cause;
    const pool = url.protocol === "https:" ? "HTTPSConnectionPool" : "HTTPConnectionPool";
    const port = url.port || (url.protocol === "https:" ? "443" : "80");
    throw new InputImageError(
      `${pool}(host='${url.hostname}', port=${port}): Max retries exceeded with url: ${url.pathname}`,
      { cause },
    );
  }
  if (!response.ok) {
    await response.body?.cancel();
    const side = response.status < 500 ? "Client" : "Server";
    throw new InputImageError(`${response.status} ${side} Error: ${response.statusText} for url: ${address}`);
  }
  if (!response.body) return Buffer.alloc(0);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of Readable.fromWeb(response.body as ReadableStream)) {
    size += part.length;
    if (size > MAX_BYTES) throw new InputImageError(`Input file exceeds the limit of ${MAX_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
