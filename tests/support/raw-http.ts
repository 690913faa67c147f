import { connect, type Socket } from "node:net";
import { inject } from "vitest";
import { denoPackage, portsFrom } from "../../scripts/local/settings.ts";

const gateway = new URL(inject("stack").urls.gateway);

/**
 * The gateway and the function behind it. Hosted Supabase has its own server before the function, so its Deno receives no
 * request directly.
 */
export const entryPoints = (
  [
    ["the gateway", Number(gateway.port)],
    ["the function", portsFrom(Number(gateway.port)).functions.api],
  ] satisfies [name: string, port: number][]
).slice(0, denoPackage === "deno-hosted" ? 1 : 2);

export type RawAnswer = { status: number; head: string; body: string };

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, gateway.hostname, () => resolve(socket));
    socket.once("error", reject);
  });
}

/**
 * Sends the bytes unchanged, and reads until the server closes the connection or is silent for a moment.
 * @returns every answer in order
 */
export async function sendRaw(
  port: number,
  bytes: string | Buffer,
  { first_ms = 30_000, silence_ms = 1_000 } = {},
): Promise<RawAnswer[]> {
  const socket = await open(port);
  const received: Buffer[] = [];
  await new Promise<void>((resolve) => {
    // Only the first answer may be slow.
    socket.setTimeout(first_ms, () => resolve());
    socket.on("data", (chunk) => {
      received.push(chunk);
      socket.setTimeout(silence_ms);
    });
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
  socket.destroy();
  return split(Buffer.concat(received).toString("latin1"));
}

/** A well-formed request with this target and these headers. */
export const requestOf = (target: string, headers: string[] = [], method = "GET", body = "") =>
  `${method} ${target} HTTP/1.1\r\n${["Host: 127.0.0.1", ...headers, "Connection: close"].join("\r\n")}\r\n\r\n${body}`;

/** The error code of a JSON answer. Throws when it is not JSON. */
export const errorCode = ({ body }: RawAnswer): string => {
  // The body may be chunked, so only the part between the braces is parsed.
  const json = JSON.parse(/\{[\s\S]*\}/.exec(body)?.[0] ?? "");
  return json.code;
};

function split(text: string): RawAnswer[] {
  return text
    .split(/(?=HTTP\/1\.[01] \d{3} )/)
    .filter((part) => part !== "")
    .map((part) => {
      const [head = "", ...body] = part.split("\r\n\r\n");
      return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]), head, body: body.join("\r\n\r\n") };
    });
}
