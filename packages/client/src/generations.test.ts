import { expect, test } from "vitest";
import { GenerationError } from "./errors.ts";
import { type ImageFile, toBlob } from "./image-files.ts";
import { memorySession } from "./session.ts";
import { apiServer, broken, client, error, generation, json, session, url } from "./testing/server.ts";

const server = apiServer();
const png = new Uint8Array([137, 80, 78, 71]);
const unknown = new Uint8Array([1, 2, 3, 4]);

test("a create without files is sent as JSON", async () => {
  server.answer(() => json(generation("pending")));
  await client().generations.create({ prompt: "A lighthouse", aspect_ratio: "16:9", seed: 7 });
  const [sent] = server.seen;
  expect(sent?.headers.get("content-type")).toBe("application/json");
  expect(JSON.parse(sent?.body ?? "")).toEqual({ prompt: "A lighthouse", aspect_ratio: "16:9", seed: 7 });
});

test("a create with files is sent as multipart, with their names and detected types", async () => {
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
    ["image-0", "image/png"],
    ["image-1", "image/png"],
    ["image-2", "image/png"],
    ["image-3", "image/png"],
    ["cat.png", "image/png"],
  ]);
  expect(parts(second).map(({ name, type }) => [name, type])).toEqual([
    ["dog.webp", "image/png"],
    ["image-1", "image/png"],
  ]);
  for (const part of [...parts(first), ...parts(second)])
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(png);
});

test("each create has its own idempotency key, or the key of its caller", async () => {
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

test.each([
  ["a lost connection", broken],
  ["an outage", () => error(503, "database_unavailable", "Down.", { "Retry-After": "0" })],
  ["a rate limit", () => error(429, "concurrency_limit_reached", "Too many.", { "Retry-After": "0" })],
  [
    "a conflict with its own first attempt",
    () => error(409, "idempotency_key_in_use", "Runs.", { "Retry-After": "0" }),
  ],
])("a create is repeated after %s, with the same key and the same files", async (_, reply) => {
  for (const files of [[], [png]]) {
    server.seen.length = 0;
    server.answer((_, call) => (call < 3 ? reply() : json(generation("pending"))));
    await client().generations.create({ prompt: "a", files });
    expect(server.seen).toHaveLength(3);
    expect(new Set(server.seen.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1);
    for (const { form } of server.seen) expect(form?.getAll("files").length ?? 0).toBe(files.length);
  }
});

test("an anonymous create has no idempotency key and no credentials, and is never repeated", async () => {
  const app = client({ apiKey: "ak_x", session: memorySession(session("a")) });
  server.answer(broken);
  await expect(app.generations.createAnonymous({ prompt: "a" })).rejects.toThrow("got no answer");
  server.answer(() => json(generation("completed")));
  expect((await app.generations.wait("g1", { anonymous: true })).status).toBe("completed");
  expect(server.seen.map(({ path }) => path)).toEqual([
    "/api/v1/generation/generate-anonymous-v2",
    "/api/v1/generation/anonymous-generations-v2/g1/events",
    "/api/v1/generation/anonymous-generations-v2/g1/status?wait=25",
  ]);
  for (const { headers } of server.seen) {
    for (const name of ["idempotency-key", "authorization", "x-api-key"])
      expect(headers.has(name)).toBe(false);
  }
});

test("upload sends each file to its own signed URL, in order and without credentials", async () => {
  const uploads = [1, 2].map((at) => ({ id: `u${at}`, url: `${url}/storage/${at}?token=t`, method: "PUT" }));
  server.answer(({ method }) => (method === "PUT" ? new Response() : json({ uploads }, { status: 201 })));
  const app = client({ apiKey: "ak_x", session: memorySession(session("a")) });
  const ids = await app.generations.upload([{ data: png, type: "image/png" }, png]);
  expect(ids).toEqual(["u1", "u2"]);
  expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({ count: 2 });
  const puts = server.seen.filter(({ method }) => method === "PUT");
  expect(puts.map(({ path }) => path).sort()).toEqual(["/storage/1?token=t", "/storage/2?token=t"]);
  for (const { headers } of puts)
    expect(headers.has("authorization") || headers.has("x-api-key")).toBe(false);
  server.answer(({ method }) => (method === "PUT" ? new Response("", { status: 400 }) : json({ uploads })));
  await expect(app.generations.upload([png, png])).rejects.toThrow(
    "The file storage takes JPEG, PNG and WebP of at most 10 MB.",
  );
});

test.each([
  ["image/png", png],
  ["image/jpeg", new Uint8Array([0xff, 0xd8, 0xff, 0xe0])],
  ["image/webp", new TextEncoder().encode("RIFF1234WEBP")],
  ["", unknown],
])("a file has the type %j of its first bytes, whatever type was declared", async (type, bytes) => {
  for (const file of [bytes, new Blob([bytes]), { data: bytes }, { data: new Blob([bytes]) }]) {
    const blob = await toBlob(file);
    expect([blob.type, new Uint8Array(await blob.arrayBuffer())]).toEqual([type, bytes]);
  }
  for (const told of ["image/jpg", "application/octet-stream"])
    expect((await toBlob({ data: bytes, type: told })).type).toBe(type || told);
});

test("a list of generations uses cursors, so that new pictures neither repeat nor hide old ones", async () => {
  const all = ["g1", "g2", "g3"].map((id) => ({ ...generation("completed"), id }));
  server.answer(({ path }) => {
    const cursor = new URLSearchParams(path.split("?")[1]).get("cursor");
    const at = cursor === null ? 0 : Number(cursor);
    const next_cursor = at + 2 < all.length ? String(at + 2) : null;
    return json({
      generations: all.slice(at, at + 2),
      total: 3,
      page: 1,
      page_size: 2,
      per_page: 2,
      next_cursor,
    });
  });
  const ids = (await client().generations.list({ page_size: 2 }).all()).map(({ id }) => id);
  expect(ids).toEqual(["g1", "g2", "g3"]);
  expect(server.seen.map(({ path }) => path)).toEqual([
    "/api/v1/generation?page_size=2",
    "/api/v1/generation?page_size=2&cursor=2",
  ]);
  expect((await client().generations.listPublic().page()).total).toBe(3);
});

test("image and exampleImage fetch a picture from its own URL without credentials", async () => {
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

test("the error about a picture with an expired URL says to read the generation again", async () => {
  const old = {
    ...generation("completed"),
    completed_at: "2026-11-24T12:00:00Z",
    images: [{ url: `${url}/old` }],
  };
  server.answer(() =>
    json({ statusCode: "400", error: "InvalidJWT", message: "jwt expired" }, { status: 400 }),
  );
  await expect(client().generations.image(old as never)).rejects.toThrow("read the generation again");
});

test("the error about a picture that does not exist yet says to call generations.wait", async () => {
  server.answer(() => json(generation("processing")));
  await expect(client().generations.image("g1")).rejects.toThrow(
    "Generation g1 is processing and has 0 pictures: there is none at index 0. Call generations.wait first",
  );
});

test("run creates a generation, waits for it and returns the finished one", async () => {
  const done = {
    ...generation("completed"),
    generated_image_url: `${url}/image`,
    completed_at: "2026-11-24T12:00:00Z",
  };
  server.answer(({ method }) => json(method === "POST" ? generation("pending") : done));
  const seen: string[] = [];
  const { generated_image_url } = await client().generations.run(
    { prompt: "a" },
    { idempotencyKey: "order-17", onStatus: ({ status }) => seen.push(status) },
  );
  expect([generated_image_url, seen]).toEqual([`${url}/image`, ["completed"]]);
  expect(server.seen[0]?.headers.get("idempotency-key")).toBe("order-17");
});

test.each(["failed", "canceled"])(
  "run throws a GenerationError with the reason when a generation is %s",
  async (status) => {
    const ended = { ...generation(status), error: "The provider was too busy.", error_code: "provider_busy" };
    server.answer(({ method }) => json(method === "POST" ? generation("pending") : ended));
    const thrown = await client()
      .generations.run({ prompt: "a" })
      .catch((caught: unknown) => caught);
    expect(thrown).toBeInstanceOf(GenerationError);
    expect(thrown).toMatchObject({
      message: `Generation g1 is ${status}: The provider was too busy. (provider_busy)`,
      generation: { id: "g1" },
    });
  },
);

test("a call with an aborted signal sends nothing", async () => {
  const done = {
    ...generation("completed"),
    completed_at: "2026-11-24T12:00:00Z",
    images: [{ url: `${url}/image` }],
  };
  const { generations } = client();
  const options = { signal: AbortSignal.abort("enough") };
  for (const call of [
    () => generations.image(done as never, options),
    () => generations.exampleImage({ ...done, example_images: [`${url}/e`] } as never, 0, options),
    () => generations.upload([png], options),
    () => generations.create({ prompt: "a", files: [png] }, options),
    () => generations.run({ prompt: "a" }, options),
  ])
    await expect(call()).rejects.toBe("enough");
  expect(server.seen).toHaveLength(0);
});

test("an abort after the request for signed URLs stops the upload", async () => {
  const controller = new AbortController();
  server.answer(() => {
    controller.abort("enough");
    return json({ uploads: [{ id: "u1", url: `${url}/storage/1` }] }, { status: 201 });
  });
  await expect(client().generations.upload(png, { signal: controller.signal })).rejects.toBe("enough");
  expect(server.seen.map(({ method }) => method)).toEqual(["POST"]);
});
