import { lookup } from "node:dns/promises";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { isPublic } from "../reach.ts";
import { within } from "../within.ts";

/** Sends one request. @returns the status of the answer @throws Error with a sentence for the developer, without secrets */
export type SendWebhook = (url: string, headers: Record<string, string>, body: string) => Promise<number>;

const usualDeadlineMs = 10_000;
/** Only the status is used, so a longer answer is cut off. */
const longestAnswer = 16 * 1024;
/** More addresses of one name are not tried. */
const mostAddresses = 8;

/**
 * Sends requests to URLs that users chose. The name is resolved once, all its addresses must be public, and the connection uses
 * the first one that accepts it. `fetch` would resolve the name again and follow redirects.
 */
export function createWebhookSender({
  allowPrivate,
  deadlineMs = usualDeadlineMs,
  addressesOf = systemAddresses,
}: {
  allowPrivate: boolean;
  deadlineMs?: number;
  addressesOf?: (host: string) => Promise<string[]>;
}): SendWebhook {
  const late = () => new Error(`no answer within ${deadlineMs / 1000} seconds`);
  return async (url, headers, body) => {
    const target = new URL(url);
    const over = new AbortController();
    const exchange = async () => {
      const addresses = await resolve(target, allowPrivate, addressesOf);
      return await post(await openFirst(target, addresses, over.signal), target, headers, body);
    };
    try {
      return await within(deadlineMs, exchange(), late);
    } finally {
      over.abort();
    }
  };
}

async function resolve(
  { protocol, hostname }: URL,
  allowPrivate: boolean,
  addressesOf: (host: string) => Promise<string[]>,
): Promise<string[]> {
  if (protocol !== "https:" && !allowPrivate) throw new Error("the address is not https");
  const host = hostname.replace(/^\[|\]$/g, "");
  const addresses = isIP(host) ? [host] : await addressesOf(host);
  if (addresses.length === 0) throw new Error("the name of the host has no address");
  const isOpen = (address: string) => isPublic(`http://${address.includes(":") ? `[${address}]` : address}`);
  if (!allowPrivate && !addresses.every(isOpen))
    throw new Error("the host has an address that is not public");
  return addresses.slice(0, mostAddresses);
}

async function systemAddresses(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address.replace(/%.*$/, ""));
  } catch {
    throw new Error("the name of the host cannot be resolved");
  }
}

/** Tries each address, since a server may listen on one of them only, and not every network has IPv6. */
async function openFirst(target: URL, addresses: string[], over: AbortSignal): Promise<Socket> {
  let problem: unknown;
  for (const address of addresses) {
    over.throwIfAborted();
    const socket = open(target, address);
    // This also ends a connection or a handshake that never completes, which a receiver could hold open. Deno 2.1.4 keeps the
    // socket of such a handshake until the isolate ends.
    over.addEventListener("abort", () => socket.destroy());
    try {
      await opened(socket, target);
      return socket;
    } catch (error) {
      socket.destroy();
      problem = error;
    }
  }
  throw problem;
}

function open({ protocol, hostname, port }: URL, host: string): Socket {
  const isTls = protocol === "https:";
  const options = { host, port: Number(port || (isTls ? 443 : 80)) };
  const servername = isIP(hostname.replace(/^\[|\]$/g, "")) ? {} : { servername: hostname };
  return isTls ? connectTls({ ...options, ...servername }) : connectPlain(options);
}

function opened(socket: Socket, { protocol }: URL): Promise<void> {
  return new Promise((done, reject) => {
    socket.once(protocol === "https:" ? "secureConnect" : "connect", () => done());
    socket.once("error", ({ code, message }: Error & { code?: string }) => {
      reject(new Error(`no connection (${code ?? message.slice(0, 100)})`));
    });
  });
}

function post(socket: Socket, url: URL, headers: Record<string, string>, body: string): Promise<number> {
  const bytes = new TextEncoder().encode(body);
  const lines = Object.entries({
    Host: url.host,
    "User-Agent": "Cloud-API-Webhooks/1",
    "Content-Type": "application/json",
    "Content-Length": String(bytes.byteLength),
    Connection: "close",
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((done, reject) => {
    let head = "";
    const read = (chunk: Uint8Array) => {
      head += new TextDecoder("latin1").decode(chunk);
      // Answers with 1xx come before the final answer.
      head = head.replace(/^(HTTP\/1\.1 1\d\d[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n)+/, "");
      const status = /^HTTP\/1\.[01] ([2-5]\d\d)[ \r]/.exec(head)?.[1];
      if (status !== undefined) done(Number(status));
      else if (head.length > longestAnswer) reject(new Error("the answer is not HTTP"));
    };
    socket.on("data", read);
    socket.once("error", ({ code }: Error & { code?: string }) =>
      reject(new Error(`connection broken (${code ?? "error"})`)),
    );
    socket.once("close", () => reject(new Error("connection closed before an answer")));
    socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`);
    socket.write(bytes);
  });
}
