import { describe, expect, test, vi } from "vitest";
import { jpeg, png, webp } from "../../../../../tests/support/images.ts";
import { ApiError } from "../../errors.ts";
import { parseGenerationJson, readGenerationForm } from "./read-request.ts";
import { maxFileBytes } from "./schemas.ts";

type Part = [name: string, value: string | Uint8Array, filename?: string];

function form(...parts: Part[]): Request {
  const body = new FormData();
  for (const [name, value, filename = "photo.png"] of parts) {
    if (typeof value === "string") body.append(name, value);
    else body.append(name, new Blob([value as BlobPart], { type: "image/png" }), filename);
  }
  return new Request("http://api/", { method: "POST", body });
}

async function refusalOf(work: () => Promise<unknown>): Promise<ApiError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

const photo: Part = ["files", png()];
const words: Part = ["instructions", "A watercolour"];

describe("a form", () => {
  test("with words and a picture is taken, the type read from the content", async () => {
    const { images, ...rest } = await readGenerationForm(form(words, ["files", jpeg, "photo.png"]));
    expect(rest).toEqual({ prompt: "A watercolour", is_public: false, options: {}, upload_ids: [] });
    expect(images).toHaveLength(1);
    expect(images[0]).toMatchObject({ content_type: "image/jpeg", width: 1, height: 1 });
    expect(images[0]?.body).toEqual(jpeg);
  });

  test("takes five pictures under both names and with brackets", async () => {
    const names = ["files", "files[]", "example_images", "example_images[]", "files"];
    const parts = names.map((name, at): Part => [name, [png(), jpeg, webp][at % 3] ?? png()]);
    expect((await readGenerationForm(form(words, ...parts))).images).toHaveLength(5);
  });

  test("takes JSON as instructions, and flags beside it", async () => {
    const instructions = JSON.stringify({ prompt: "A lighthouse", seed: 7 });
    const read = await readGenerationForm(
      form(["instructions", instructions], ["is_public", "TRUE"], ["aspect_ratio", "16:9"], photo),
    );
    expect(read).toMatchObject({
      prompt: "A lighthouse",
      is_public: true,
      options: { seed: 7, aspect_ratio: "16:9" },
    });
  });

  test("takes a prompt that only looks like JSON as words", async () => {
    const read = await readGenerationForm(form(["instructions", "{a cat} on a mat"], photo));
    expect(read.prompt).toBe("{a cat} on a mat");
  });

  test.each<[string, Part[], string, number]>([
    ["without pictures", [words], "validation_failed", 422],
    ["without words", [photo], "validation_failed", 422],
    ["with empty words", [["instructions", "  "], photo], "validation_failed", 422],
    ["with 1,001 characters", [["instructions", "x".repeat(1001)], photo], "validation_failed", 422],
    ["with six pictures", [words, photo, photo, photo, photo, photo, photo], "validation_failed", 422],
    ["with an empty picture", [words, ["files", new Uint8Array()]], "validation_failed", 422],
    ["with text named .png", [words, ["files", new TextEncoder().encode("hello")]], "unsupported_image", 415],
    ["with NUL in the words", [["instructions", "a\u0000b"], photo], "validation_failed", 422],
    ["with is_public that is neither", [words, photo, ["is_public", "perhaps"]], "validation_failed", 422],
    [
      "with is_public named like a method of objects",
      [words, photo, ["is_public", "constructor"]],
      "validation_failed",
      422,
    ],
    ["with a seed that is no number", [words, photo, ["seed", "many"]], "validation_failed", 422],
    ["with an unknown aspect ratio", [words, photo, ["aspect_ratio", "5:1"]], "validation_failed", 422],
  ])("%s is refused", async (_name, parts, code, status) => {
    expect(await refusalOf(() => readGenerationForm(form(...parts)))).toMatchObject({ code, status });
  });

  test("with a picture over 10 MB is refused, one of exactly 10 MB is not", async () => {
    const padded = (size: number) => {
      const bytes = new Uint8Array(size);
      bytes.set(png());
      return bytes;
    };
    const { images } = await readGenerationForm(form(words, ["files", padded(maxFileBytes)]));
    expect(images[0]?.body.byteLength).toBe(maxFileBytes);
    const refusal = await refusalOf(() =>
      readGenerationForm(form(words, ["files", padded(maxFileBytes + 1)])),
    );
    expect(refusal).toMatchObject({ code: "file_too_large", status: 413 });
  });

  test("that announces too many bytes is refused before it is read", async () => {
    const request = new Request("http://api/", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x", "content-length": "99999999" },
      body: "--x--",
    });
    expect(await refusalOf(() => readGenerationForm(request))).toMatchObject({ code: "payload_too_large" });
  });

  test.each([
    [
      "that ends early",
      '--x\r\ncontent-disposition: form-data; name="instructions"\r\n\r\nA wat',
      "multipart/form-data; boundary=x",
    ],
    ["without its boundary", "--y\r\n\r\n", "multipart/form-data; boundary=x"],
    ["that names no boundary", "--x--", "multipart/form-data"],
  ])("%s is malformed", async (_name, body, type) => {
    const request = new Request("http://api/", { method: "POST", headers: { "content-type": type }, body });
    expect(await refusalOf(() => readGenerationForm(request))).toMatchObject({
      code: "malformed_body",
      status: 400,
    });
  });

  test("with a field too many is malformed", async () => {
    const parts = Array.from({ length: 30 }, (_, at): Part => [`field${at}`, "x"]);
    expect(await refusalOf(() => readGenerationForm(form(words, photo, ...parts)))).toMatchObject({
      code: "malformed_body",
    });
  });
});

describe("a JSON body", () => {
  test.each([
    ["prompt", { prompt: " A lighthouse " }],
    ["instructions, the older name", { instructions: "A lighthouse" }],
  ])("takes %s", (_name, json) => {
    expect(parseGenerationJson(json)).toEqual({
      prompt: "A lighthouse",
      model: undefined,
      is_public: false,
      options: {},
      upload_ids: [],
      images: [],
    });
  });

  test("counts 1,000 characters as taken", () => {
    expect(parseGenerationJson({ prompt: "x".repeat(1000) }).prompt).toHaveLength(1000);
  });

  test.each<[string, unknown]>([
    ["null", null],
    ["a list", []],
    ["a text", "prompt"],
    ["nothing in it", {}],
    ["a number as prompt", { prompt: 7 }],
    ["half of a surrogate pair", { prompt: "a\ud800b" }],
    ["a NUL", { prompt: "a\u0000b" }],
    ["a seed that is too large", { prompt: "a", seed: 2 ** 31 }],
  ])("%s is refused with its place", async (_name, json) => {
    const refusal = await refusalOf(async () => parseGenerationJson(json));
    expect(refusal).toMatchObject({ code: "validation_failed", status: 422 });
    expect(refusal.errors?.[0]?.loc[0]).toBe("body");
  });
});

test.each<[string, number, Record<string, string>]>([
  ["15 MB", 408, { "Content-Length": "15000000" }],
  ["an unknown number of bytes", 408, {}],
  ["100 kB", 413, { "Content-Length": "100000" }],
])("whoever announces %s and sends 20 kB a second is answered %s", async (_, status, length) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  try {
    const head = '--x\r\nContent-Disposition: form-data; name="instructions"\r\n\r\n';
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (sent++ === 0) return controller.enqueue(new TextEncoder().encode(head));
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        controller.enqueue(new Uint8Array(20_000));
      },
    });
    const headers = { "Content-Type": "multipart/form-data; boundary=x", ...length };
    const request = new Request("http://api/", { method: "POST", headers, body, ...{ duplex: "half" } });
    const refusal = refusalOf(() => readGenerationForm(request));
    await vi.advanceTimersByTimeAsync(700_000);
    expect((await refusal).status).toBe(status);
  } finally {
    vi.useRealTimers();
  }
});
