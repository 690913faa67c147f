import { expect, test } from "vitest";
import type { ImageFile } from "./files.ts";
import { memorySession } from "./session.ts";
import { apiServer, client, generation, json, session, url } from "./testing/server.ts";

const server = apiServer();
const png = new Uint8Array([137, 80, 78, 71]);

test("words alone go as JSON", async () => {
  server.answer(() => json(generation("pending")));
  await client().generations.create({ prompt: "A lighthouse", aspect_ratio: "16:9", seed: 7 });
  const [sent] = server.seen;
  expect(sent?.headers.get("content-type")).toBe("application/json");
  expect(JSON.parse(sent?.body ?? "")).toEqual({ prompt: "A lighthouse", aspect_ratio: "16:9", seed: 7 });
});

test("pictures go as multipart, with their names and types where they have some", async () => {
  server.answer(() => json(generation("pending")));
  const files: ImageFile[] = [
    png,
    Buffer.from(png),
    png.buffer,
    new Blob([png], { type: "image/png" }),
    new File([png], "cat.png", { type: "image/png" }),
  ];
  const named: ImageFile[] = [
    { data: png, name: "dog.webp", type: "image/webp" },
    { data: new Blob([png], { type: "image/jpeg" }) },
  ];
  await client().generations.create({ prompt: '{"prompt":"not JSON"}', is_public: true, files });
  await client().generations.create({ prompt: "b", files: named });
  const [first, second] = server.seen.map(({ form }) => form);
  expect(JSON.parse(String(first?.get("instructions")))).toEqual({
    prompt: '{"prompt":"not JSON"}',
    is_public: true,
  });
  const parts = (form: FormData | null | undefined) => (form?.getAll("files") ?? []) as File[];
  expect(parts(first).map(({ name, type }) => [name, type])).toEqual([
    ["image-0", "application/octet-stream"],
    ["image-1", "application/octet-stream"],
    ["image-2", "application/octet-stream"],
    ["image-3", "image/png"],
    ["cat.png", "image/png"],
  ]);
  expect(parts(second).map(({ name, type }) => [name, type])).toEqual([
    ["dog.webp", "image/webp"],
    ["image-1", "image/jpeg"],
  ]);
  for (const part of [...parts(first), ...parts(second)])
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(png);
});

test("every create has an idempotency key of its own, or the one that it is given", async () => {
  server.answer(() => json(generation("pending")));
  await client().generations.create({ prompt: "a" });
  await client().generations.create({ prompt: "a" });
  await client().generations.create({ prompt: "a" }, { idempotencyKey: "order-17" });
  const keys = server.seen.map(({ headers }) => headers.get("idempotency-key"));
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[1]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[0]).not.toBe(keys[1]);
  expect(keys[2]).toBe("order-17");
});

test("a picture is fetched by its own address, with no credential", async () => {
  const done = {
    ...generation("completed"),
    completed_at: "2026-11-24T12:00:00Z",
    images: [{ url: `${url}/image?ticket=t` }],
    example_images: [`${url}/example?ticket=t`],
  };
  server.answer(({ path }) => (path.startsWith("/api") ? json(done) : new Response(png)));
  const app = client({ apiKey: "ak_x", session: memorySession(session("a")) });
  for (const blob of [
    await app.generations.image("g1"),
    await app.generations.image(done as never),
    await app.generations.exampleImage("g1", 0),
  ]) {
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(png);
  }
  const fetched = server.seen.filter(({ path }) => !path.startsWith("/api"));
  expect(fetched.map(({ path }) => path)).toEqual([
    "/image?ticket=t",
    "/image?ticket=t",
    "/example?ticket=t",
  ]);
  for (const { headers } of fetched) {
    expect(headers.has("authorization") || headers.has("x-api-key")).toBe(false);
  }
});

test("a picture that is not there yet says what to do", async () => {
  server.answer(() => json(generation("processing")));
  await expect(client().generations.image("g1")).rejects.toThrow(
    "Generation g1 is processing and has 0 pictures: there is none at index 0. Call generations.wait first",
  );
});
