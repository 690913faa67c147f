import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  errorOf,
  type Project,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack, photo } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let project: Project;
let user: EndUser;
beforeAll(async () => {
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
});

async function createUploads(count: number, headers = user.headers): Promise<Body[]> {
  const { status, body } = await api("/generation/uploads", { headers, json: { count } });
  expect(status).toBe(201);
  return body.uploads;
}
const put = (upload: Body, body: BodyInit, type = "image/png") =>
  fetch(upload.url, { method: "PUT", headers: { "Content-Type": type }, body });
/** A PNG padded to the given size. Readers ignore what follows its end. */
const bigPhoto = async (bytes: number) => {
  const head = new Uint8Array(await photo().arrayBuffer());
  const whole = new Uint8Array(bytes);
  whole.set(head);
  return whole;
};

test("a generation uses the images that a browser uploaded to Storage, in the order of upload_ids", async () => {
  const uploads = await createUploads(2);
  for (const [index, upload] of uploads.entries())
    expect((await put(upload, photo(index + 3))).status).toBe(200);
  const prompt = freshPrompt();
  const upload_ids = uploads.map(({ id }) => id).reverse();
  const { id } = await stack.makeGeneration(prompt, user.headers, { upload_ids });
  const done = await stack.waitForEnd(id, user.headers);
  expect(done).toMatchObject({ status: "completed", model: "google/nano-banana" });
  expect(done.example_images).toHaveLength(2);
  const shown = await Promise.all(
    done.example_images.map(async (url: string) => (await fetch(url)).arrayBuffer()),
  );
  const sent = await Promise.all([photo(4), photo(3)].map((blob) => blob.arrayBuffer()));
  expect(shown.map((bytes) => Buffer.from(bytes).toString("hex"))).toEqual(
    sent.map((bytes) => Buffer.from(bytes).toString("hex")),
  );

  expect((await api(`/generation/${id}`, { method: "DELETE", headers: user.headers })).status).toBe(200);
  for (const upload of uploads) expect(await stack.filesOf(upload.id)).toEqual([]);
});

test("an upload can be used by one generation only, with parallel creates too", async () => {
  const [upload = {}] = await createUploads(1);
  await put(upload, photo());
  const before = await stack.chargesOf(project.id);
  const answers = await Promise.all(
    Array.from({ length: 8 }, () =>
      stack.sendCreate(freshPrompt(), user.headers, { upload_ids: [upload.id] }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ body }) => body.code === "upload_not_found")).toHaveLength(7);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
});

test.each([
  ["without a file", undefined, 404, "upload_not_found"],
  ["with text instead of an image", "<script>alert(1)</script>", 415, "unsupported_image"],
])("an upload %s is refused by a generation", async (_, content, status, code) => {
  const [upload = {}] = await createUploads(1);
  if (content !== undefined) expect((await put(upload, content)).status).toBe(200);
  const answer = await stack.sendCreate(freshPrompt(), user.headers, { upload_ids: [upload.id] });
  expect(errorOf(answer)).toMatchObject({ status, code });
});

test("the URL of an upload refuses a second file, other types and files above 10 MB", async () => {
  const [once = {}, typed = {}, large = {}] = await createUploads(3);
  expect((await put(once, photo())).status).toBe(200);
  expect((await put(once, photo(9))).ok).toBe(false);
  expect((await put(typed, "hello", "text/html")).ok).toBe(false);
  expect((await put(large, await bigPhoto(10 * 1024 * 1024 + 1))).ok).toBe(false);
});

test("another user's upload answers 404", async () => {
  const other = await registerEndUser(project);
  const [upload = {}] = await createUploads(1, other.headers);
  await put(upload, photo());
  const answer = await stack.sendCreate(freshPrompt(), user.headers, { upload_ids: [upload.id] });
  expect(errorOf(answer)).toMatchObject({ status: 404, code: "upload_not_found" });
});

test.each([
  ["no upload", { count: 0 }],
  ["six uploads", { count: 6 }],
  ["1.5 uploads", { count: 1.5 }],
])("creating %s is refused", async (_, json) => {
  const answer = await api("/generation/uploads", { headers: user.headers, json });
  expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
});

test("an anonymous caller cannot create an upload", async () => {
  const answer = await api("/generation/uploads", { json: {} });
  expect(errorOf(answer)).toMatchObject({ status: 401, code: "not_authenticated" });
});

test("a user has at most 50 unused uploads, and unused ones are deleted with their files after three hours", async () => {
  const other = await registerEndUser(project);
  const [first = {}] = await createUploads(1, other.headers);
  await put(first, photo());
  for (let at = 0; at < 9; at++) await createUploads(5, other.headers);
  await createUploads(4, other.headers);
  const refused = await api("/generation/uploads", { headers: other.headers, json: { count: 1 } });
  expect(errorOf(refused)).toMatchObject({ status: 429, code: "upload_limit_reached" });

  await stack.sql`update public.uploads set created_at = now() - interval '181 minutes' where user_id = ${other.id}`;
  await until("the file is gone", async () => {
    await stack.sql`update private.cleanup_tasks set next_attempt_at = now() where generation_id = ${first.id}`;
    await stack.reconcile();
    return (await stack.filesOf(first.id)).length === 0;
  });
  expect(await stack.sql`select 1 from public.uploads where user_id = ${other.id}`).toHaveLength(0);
});
