import { Buffer } from "node:buffer";
import { isAllowedFile } from "../file-hosts.ts";

export type CopyFault = "gone" | "refused" | "too_large" | "not_allowed" | "unavailable";

/** A result that cannot be copied. Only `unavailable` is temporary; a retry does not help the other faults. */
export class CopyError extends Error {
  readonly fault: CopyFault;

  constructor(fault: CopyFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}

type FetchOptions = { hosts: readonly string[]; fetcher: typeof fetch; maxBytes: number; timeoutMs: number };

const maxHops = 5;
/** These statuses are temporary; every other 4xx is permanent. */
const passing4xx = [408, 425, 429];

/**
 * Downloads a result without our token. Each target of a redirect is checked before it is requested.
 * @throws CopyError
 */
export async function fetchFile(address: string, options: FetchOptions): Promise<Uint8Array> {
  if (/^data:/i.test(address)) return readDataUrl(address, options.maxBytes);
  const signal = AbortSignal.timeout(options.timeoutMs);
  let url = address;
  for (let hop = 0; hop <= maxHops; hop++) {
    if (!isAllowedFile(url, options.hosts)) {
      const host = URL.parse(url)?.host ?? "none";
      throw new CopyError("not_allowed", `the host of a result is not allowed: ${host}`);
    }
    const response = await passing(() => options.fetcher(url, { redirect: "manual", signal }));
    const next = await nextAddress(response, url);
    if (next === null) return readFile(response, options.maxBytes);
    url = next;
  }
  throw new CopyError("refused", `a result redirects more than ${maxHops} times`);
}

async function nextAddress(response: Response, from: string): Promise<string | null> {
  if (![301, 302, 303, 307, 308].includes(response.status)) return null;
  await response.body?.cancel();
  const location = response.headers.get("location") ?? "";
  return URL.parse(location, from)?.href ?? location;
}

async function readFile(response: Response, maxBytes: number): Promise<Uint8Array> {
  const { status, body } = response;
  if (response.ok && body !== null) return passing(() => readAtMost(body, maxBytes));
  await body?.cancel();
  const message = `a result answered ${status}`;
  if (status === 404 || status === 410) throw new CopyError("gone", message);
  if (status < 500 && !passing4xx.includes(status)) throw new CopyError("refused", message);
  throw new CopyError("unavailable", message);
}

/** Treats every fault of the network as temporary. */
async function passing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CopyError) throw error;
    throw new CopyError("unavailable", "a result could not be read", error);
  }
}

/** @throws CopyError too_large */
export async function readAtMost(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new CopyError("too_large", `an answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}

/** Reads a data: URL of RFC 2397, in base64 or percent-encoded. Its media type is ignored, since the bytes are checked. */
function readDataUrl(address: string, maxBytes: number): Uint8Array {
  // At most three characters stand for one byte.
  if (address.length > 3 * maxBytes + 200) throw new CopyError("too_large", "a data: result is too large");
  const comma = address.indexOf(",");
  if (comma < 0) throw new CopyError("refused", "a data: result has no data");
  const isBase64 = /;base64$/i.test(address.slice(0, Math.min(comma, 200)));
  const bytes = new Uint8Array(
    Buffer.from(
      address.slice(comma + 1).replace(/%([\da-f]{2})/gi, decodeByte),
      isBase64 ? "base64" : "latin1",
    ) as unknown as Uint8Array,
  );
  if (bytes.byteLength > maxBytes) throw new CopyError("too_large", "a data: result is too large");
  return bytes;
}

const decodeByte = (_: string, hex: string) => String.fromCharCode(parseInt(hex, 16));
