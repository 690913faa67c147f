import { afterEach, beforeEach, expect, test } from "vitest";
import { createClient } from "./client.ts";

/** What Safari 16 lacks, the last one of many iPhones, or a page on plain http. */
const younger: [object, PropertyKey[]][] = [
  [URL, ["canParse", "parse"]],
  [Promise, ["withResolvers", "try"]],
  [Array, ["fromAsync"]],
  [Object, ["groupBy"]],
  [AbortSignal, ["any"]],
  [ReadableStream.prototype, [Symbol.asyncIterator, "values"]],
  [Object.getPrototypeOf(crypto), ["randomUUID"]],
];
let restore: (() => void)[] = [];

beforeEach(() => {
  for (const [owner, names] of younger) {
    for (const name of names) {
      const descriptor = Object.getOwnPropertyDescriptor(owner, name);
      if (descriptor === undefined) continue;
      restore.push(() => Object.defineProperty(owner, name, descriptor));
      Reflect.deleteProperty(owner, name);
    }
  }
});
afterEach(() => {
  for (const undo of restore) undo();
  restore = [];
});

const address = "https://api.test/picture";
const picture = { id: "g1", status: "completed", images: [{ url: address }], generated_image_url: address };
const session = { access_token: "access", refresh_token: "refresh", token_type: "bearer", expires_in: 1800 };
const upload = { id: "u1", url: "https://storage.test/u1", method: "PUT" };
const event = `event: status\nid: 1\ndata: ${JSON.stringify(picture)}\n\n`;

/** Answers as the API, and refuses what Cloudflare Workers refuse. */
function answer(url: string, { method, redirect }: RequestInit): Response {
  if (redirect === "error") throw new TypeError("Invalid redirect value");
  if (method === "PUT" || url === address) return new Response("bytes");
  if (url.endsWith("/events"))
    return new Response(event, { headers: { "Content-Type": "text/event-stream" } });
  if (url.endsWith("/login")) return Response.json(session);
  if (url.endsWith("/uploads")) return Response.json({ uploads: [upload] });
  return Response.json(method === "GET" ? { generations: [picture], total: 1, next_cursor: null } : picture);
}

test("the SDK works in Safari 16, on pages of plain http and on Cloudflare Workers", async () => {
  const fetch = async (address: unknown, init: RequestInit = {}) => answer(String(address), init);
  const client = createClient({ url: "https://api.test", fetch });
  await client.auth.login({ email: "ada@example.com", password: "Correct-horse-9" });
  const files = new Blob(["bytes"]).stream();
  expect(await client.generations.upload(files)).toEqual(["u1"]);
  const made = await client.generations.create({ prompt: "A lighthouse", files: new Blob(["bytes"]) });
  const done = await client.generations.wait(made.id);
  expect(await (await client.generations.image(done)).text()).toBe("bytes");
  const listed = [];
  for await (const { id } of client.generations.list()) listed.push(id);
  expect(listed).toEqual(["g1"]);
});
