import { HttpResponse, http, type JsonBodyType } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type ClientOptions, createClient } from "../client.ts";

export const url = "http://api.test";
export type Seen = { method: string; path: string; headers: Headers; body: string; form: FormData | null };
type Reply = (seen: Seen, call: number) => Response | Promise<Response>;

/** A server that answers with `reply` and records its requests. Each test file has one. */
export function apiServer() {
  const server = setupServer();
  const seen: Seen[] = [];
  let reply: Reply = () => error(500, "not_set", "The test set no answer.");
  beforeAll(() => server.listen());
  afterEach(() => {
    seen.length = 0;
  });
  afterAll(() => server.close());
  server.use(
    http.all("*", async ({ request }) => {
      const { pathname, search } = new URL(request.url);
      const isForm = request.headers.get("content-type")?.startsWith("multipart/") ?? false;
      const entry: Seen = {
        method: request.method,
        path: pathname + search,
        headers: request.headers,
        body: isForm ? "" : await request.text(),
        form: isForm ? await request.formData() : null,
      };
      seen.push(entry);
      return reply(entry, seen.length);
    }),
  );
  return {
    seen,
    answer(next: Reply) {
      reply = next;
    },
  };
}

export const json = (body: JsonBodyType, init?: ResponseInit) => HttpResponse.json(body, init);
export const error = (status: number, code: string, detail: string, headers: Record<string, string> = {}) =>
  HttpResponse.json({ detail, code, request_id: "7d0f0a52" }, { status, headers });
/** A stream of these chunks, which then ends, breaks, or stays open. */
export function events(pieces: string[], then: "ends" | "breaks" | "stays" = "ends"): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      if (then === "ends") controller.close();
    },
    pull(controller) {
      if (then === "breaks") controller.error(new TypeError("cut"));
    },
  });
  return new HttpResponse(body, { headers: { "Content-Type": "text/event-stream" } });
}
export const status = (status: string, id: number) =>
  `event: status\nid: ${id}\ndata: ${JSON.stringify(generation(status))}\n\n`;
export const progress = (percent: number, id: string) =>
  `event: progress\nid: ${id}\ndata: {"percent":${percent},"log":"${percent}%"}\n\n`;
/** All items of a stream. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
/** A server without live events. */
export const withoutEvents =
  (reply: Reply): Reply =>
  (seen, call) =>
    seen.path.endsWith("/events")
      ? error(404, "not_found", "No endpoint has this address. Compare it with the API reference.")
      : reply(seen, call);
/** The connection breaks before an answer. */
export const broken = () => HttpResponse.error();

export const client = (options: Partial<ClientOptions> = {}) => createClient({ url, ...options });

let count = 0;
/** An unsigned token in the form of the API's, with this lifetime. */
export function token(seconds = 1800): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  const iat = Math.floor(Date.now() / 1000);
  return `${part({ alg: "none" })}.${part({ iat, exp: iat + seconds, jti: ++count })}.signature`;
}

export const tokens = (name: string, seconds = 1800) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  token_type: "bearer" as const,
  expires_in: seconds,
});

export const session = (name: string, secondsLeft = 1800) => ({
  access_token: `access-${name}`,
  refresh_token: `refresh-${name}`,
  expires_at: new Date(Date.now() + secondsLeft * 1000).toISOString(),
});

export const user = { id: "u1", email: "ada@example.com" };
export const generation = (status: string) => ({ id: "g1", status, images: [], completed_at: null });
