import type postgres from "postgres";
import { expect, test } from "vitest";
import type { AccessTokens } from "./access-tokens.ts";
import type { Lite } from "./lite.ts";
import { platform } from "./platform.ts";

/** A platform with this lite behind it. */
function platformWith(fetch: (request: Request) => Promise<Response>) {
  const tokens = {
    toInternal: async (header?: string) => header,
    problemOfSignedUrl: async (token: string) => (token === "expired" ? "it has expired" : undefined),
  } as AccessTokens;
  const parts = () => ({ lite: { fetch } as unknown as Lite, sql: {} as postgres.Sql });
  const admin = { keys: { secret: "x", service_role: "x" } };
  const app = platform({ parts, tokens, admin } as unknown as Parameters<typeof platform>[0]);
  const env = { incoming: { socket: {} } };
  return async (method: string, path: string) => app.request(path, { method }, env as never);
}

test("a HEAD of an object closes the object's file", async () => {
  const closed: string[] = [];
  const ask = platformWith(async ({ method, url }) => {
    const body = new ReadableStream({ cancel: () => void closed.push(url) });
    const answer = new Response(body, { headers: { "content-length": "7" } });
    // As Hono answers HEAD.
    return method === "HEAD" ? new Response(null, answer) : answer;
  });
  const path = "/storage/v1/object/sign/uploads/a";
  const { headers, body } = await ask("HEAD", path);
  const sent = [headers.get("content-length"), headers.get("x-content-type-options"), body];
  expect(sent).toEqual(["7", "nosniff", null]);
  expect(closed).toHaveLength(1);
  expect((await ask("GET", path)).body).not.toBeNull();
});

test("uploads to one signed address take turns, also under another spelling of it", async () => {
  const begun: string[] = [];
  const first = Promise.withResolvers<Response>();
  const ask = platformWith(async ({ url }) => {
    begun.push(new URL(url).search);
    return begun.length === 1 ? first.promise : new Response("done");
  });
  const folder = "/storage/v1/object/upload/sign/uploads";
  const one = ask("PUT", `${folder}/a?one`);
  const two = ask("PUT", `${folder}/%61?two`);
  expect((await ask("PUT", `${folder}/b?other`)).status).toBe(200);
  expect(begun).toEqual(["?one", "?other"]);
  first.resolve(new Response("first"));
  expect(await Promise.all([one, two].map(async (answer) => (await answer).text()))).toEqual([
    "first",
    "done",
  ]);
  expect(begun).toEqual(["?one", "?other", "?two"]);
});

test("a signed URL whose token has expired is 400 as at Storage, and lite does not see it", async () => {
  const ask = platformWith(async () => new Response("lite"));
  for (const [method, path] of [
    ["GET", "sign/uploads/a"],
    ["PUT", "upload/sign/uploads/a"],
  ] as const) {
    const refused = await ask(method, `/storage/v1/object/${path}?token=expired`);
    expect([refused.status, await refused.json()]).toEqual([
      400,
      { statusCode: "400", error: "InvalidJWT", message: "it has expired" },
    ]);
    expect(await (await ask(method, `/storage/v1/object/${path}?token=valid`)).text()).toBe("lite");
  }
});
