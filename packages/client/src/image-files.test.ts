import { Readable } from "node:stream";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { toFiles } from "./image-files.ts";

const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0, 7]);
const foreign = runInNewContext("(bytes) => Uint8Array.from(bytes)") as (bytes: number[]) => Uint8Array;
/** A Blob as polyfills and test environments have it, with the methods but of another class. */
const polyfillBlob = (name?: string) => ({
  size: png.length,
  type: "application/octet-stream",
  arrayBuffer: async () => png.slice().buffer,
  ...(name && { name }),
});
const shared = new Uint8Array(new SharedArrayBuffer(png.length));
shared.set(png);

test.each<[string, () => unknown]>([
  ["a Uint8Array", () => png],
  ["a Buffer", () => Buffer.from(png)],
  ["an ArrayBuffer", () => png.buffer],
  ["a DataView of a part", () => new DataView(new Uint8Array([0, ...png, 0]).buffer, 1, png.length)],
  ["an ArrayBuffer of another realm", () => foreign([...png]).buffer],
  ["a Uint8Array of another realm", () => foreign([...png])],
  ["shared memory", () => shared],
  ["a Blob", () => new Blob([png])],
  ["a File", () => new File([png], "cat.png", { type: "image/jpg" })],
  ["a Blob of another class", () => polyfillBlob()],
  ["a web stream", () => new Blob([png]).stream()],
  ["a Node stream", () => Readable.from([Buffer.from(png)])],
  ["a Response", () => new Response(png)],
  ["wrapped bytes", () => ({ data: Buffer.from(png), type: "image/jpg" })],
  ["a wrapped stream", () => ({ data: new Blob([png]).stream(), name: "cat.png" })],
])("%s is accepted as a picture, alone and in every kind of list", async (_, make) => {
  const lists = [
    () => make(),
    () => [make()],
    () => new Set([make()]),
    // A FileList is an object with a length.
    () => ({ length: 1, 0: make(), item: () => null }),
  ];
  for (const list of lists) {
    const [file, ...others] = await toFiles(list() as never);
    expect(others).toEqual([]);
    expect(file?.blob).toBeInstanceOf(Blob);
    expect([file?.blob.type, new Uint8Array((await file?.blob.arrayBuffer()) ?? [])]).toEqual([
      "image/png",
      png,
    ]);
  }
});

test.each([[null], [undefined], [[]], [new Set()], [{ length: 0 }]])("%j gives no files", async (files) => {
  expect(await toFiles(files as never)).toEqual([]);
});

test("files keep their names, and files without a name are numbered", async () => {
  const files = [
    png,
    new File([png], "cat.png"),
    { data: png, name: "dog.webp" },
    polyfillBlob("fox.png"),
    new Blob([png]),
  ];
  const names = (await toFiles(files as never)).map(({ name }) => name);
  expect(names).toEqual(["image-0", "cat.png", "dog.webp", "fox.png", "image-4"]);
});

test.each<[string, unknown, string]>([
  ["a path", "photo.png", "files[0] is a string, not a picture. Read the file first"],
  ["a list with a path", [png, "photo.png"], "files[1] is a string, not a picture."],
  ["a list with a hole", [png, undefined], "files[1] is undefined, not a picture."],
  ["a list with null", [null], "files[0] is null"],
  ["a list of lists", [[png]], "files[0] is an array"],
  ["a number", 7, "files[0] is a number"],
  ["an empty object", {}, "files[0] is an object, not a picture. Pass a Blob"],
  ["a wrapped path", { data: "photo.png" }, "files[0].data is a string"],
  ["wrapped twice", { data: { data: png } }, "files[0].data is an object"],
  ["a promise", Promise.resolve(png), "files[0] is an object"],
  ["a refused Response", new Response("", { status: 404 }), "files[0] is a Response with status 404"],
  ["a function", () => png, "files[0] is a function"],
])("%s as files is a TypeError that names the wrong item", async (_, files, message) => {
  await expect(toFiles(files as never)).rejects.toThrow(TypeError);
  await expect(toFiles(files as never)).rejects.toThrow(message);
});

test("a Response whose body was already read is an error that says so", async () => {
  const response = new Response(png);
  await response.arrayBuffer();
  await expect(toFiles(response)).rejects.toThrow("files[0] is a Response whose body was read before.");
});

test("a stream that is larger than the largest picture is canceled, and is an error", async () => {
  let pulled = 0;
  let ended = false;
  const endless = new ReadableStream({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(1024 * 1024));
    },
    cancel() {
      ended = true;
    },
  });
  await expect(toFiles(endless)).rejects.toThrow("files[0] is larger than 10485760 bytes");
  expect([pulled <= 13, ended]).toEqual([true, true]);
});

test("a stream of text is a TypeError", async () => {
  await expect(toFiles(Readable.from(["text"]) as never)).rejects.toThrow(
    "files[0] is a stream of string, not of bytes.",
  );
});
