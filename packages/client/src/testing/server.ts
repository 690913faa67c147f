import { HttpResponse, http, type JsonBodyType } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll } from "vitest";
import { type ClientOptions, createClient } from "../client.ts";

export const url = "http://api.test";
export type Seen = { method: string; path: string; headers: Headers; body: string; form: FormData | null };
type Reply = (seen: Seen, call: number) => Response | Promise<Response>;

/** A server that answers with `reply`, and remembers what it was asked. One for each test file. */
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
/** The connection breaks before an answer. */
export const broken = () => HttpResponse.error();

export const client = (options: Partial<ClientOptions> = {}) => createClient({ url, ...options });

let count = 0;
/** An unsigned token that lives for so many seconds, like the API's in shape. */
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
