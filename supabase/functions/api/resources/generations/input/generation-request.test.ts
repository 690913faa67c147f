import { describe, expect, test } from "vitest";
import {
  formRequest,
  joinBytes,
  latin1Of,
  type Part,
  photoPart,
  rawForm,
  rawPart,
  rawPhoto,
  rawRequest,
  rawWords,
  readForm,
  refusalOf,
  wordsPart,
} from "../../../../../../tests/support/generation-forms.ts";
import { jpeg, png, webp } from "../../../../../../tests/support/images.ts";
import { parseGenerationJson } from "./generation-request.ts";
import { maxFileBytes } from "./schemas.ts";

describe("forms", () => {
  test("a form with a prompt and a photo is accepted, and the photo's type is read from its content", async () => {
    const { images, ...rest } = await readForm(formRequest(wordsPart, ["files", jpeg, "photo.png"]));
    expect(rest).toEqual({ prompt: "A watercolour", is_public: false, options: {}, upload_ids: [] });
    expect(images).toHaveLength(1);
    expect(images[0]).toMatchObject({ content_type: "image/jpeg", width: 1, height: 1 });
    expect(joinBytes(images[0]?.body)).toEqual(new Uint8Array(jpeg));
  });

  test("a form accepts five photos under usual field names, with brackets and with an index", async () => {
    const names = ["files[]", "image", "example_images[0]", "images", "file"];
    const parts = names.map((name, at): Part => [name, [png(), jpeg, webp][at % 3] ?? png()]);
    expect((await readForm(formRequest(wordsPart, ...parts))).images).toHaveLength(5);
  });

  test("a form accepts JSON in `instructions` together with other fields", async () => {
    const instructions = JSON.stringify({ prompt: "A lighthouse", seed: 7 });
    const found = await readForm(
      formRequest(["instructions", instructions], ["is_public", "TRUE"], ["aspect_ratio", "16:9"], photoPart),
    );
    expect(found).toMatchObject({
      prompt: "A lighthouse",
      is_public: true,
      options: { seed: 7, aspect_ratio: "16:9" },
    });
  });

  test("a form accepts a prompt that begins like JSON but is none", async () => {
    const { prompt } = await readForm(formRequest(["instructions", "{a cat} on a mat"], photoPart));
    expect(prompt).toBe("{a cat} on a mat");
  });

  test.each<[string, Part[], string, number]>([
    ["without photos", [wordsPart], "validation_failed", 422],
    ["without a prompt", [photoPart], "validation_failed", 422],
    ["with an empty prompt", [["instructions", "  "], photoPart], "validation_failed", 422],
    ["with 1,001 characters", [["instructions", "x".repeat(1001)], photoPart], "validation_failed", 422],
    [
      "with six photos",
      [wordsPart, photoPart, photoPart, photoPart, photoPart, photoPart, photoPart],
      "validation_failed",
      422,
    ],
    ["with an empty photo", [wordsPart, ["files", new Uint8Array()]], "validation_failed", 422],
    [
      "with text named .png",
      [wordsPart, ["files", new TextEncoder().encode("hello")]],
      "unsupported_image",
      415,
    ],
    ["with NUL in the prompt", [["instructions", "a\u0000b"], photoPart], "validation_failed", 422],
    [
      "with is_public neither true nor false",
      [wordsPart, photoPart, ["is_public", "perhaps"]],
      "validation_failed",
      422,
    ],
    [
      "with the is_public value `constructor`",
      [wordsPart, photoPart, ["is_public", "constructor"]],
      "validation_failed",
      422,
    ],
    ["with a seed that is no number", [wordsPart, photoPart, ["seed", "many"]], "validation_failed", 422],
    [
      "with an unknown aspect ratio",
      [wordsPart, photoPart, ["aspect_ratio", "5:1"]],
      "validation_failed",
      422,
    ],
  ])("a form %s is refused as %s", async (_name, parts, code, status) => {
    expect(await refusalOf(() => readForm(formRequest(...parts)))).toMatchObject({ code, status });
  });

  test("a form with a photo of more than 10 MB is refused, and one of exactly 10 MB is accepted", async () => {
    const padded = (size: number) => {
      const bytes = new Uint8Array(size);
      bytes.set(png());
      return bytes;
    };
    const { images } = await readForm(formRequest(wordsPart, ["files", padded(maxFileBytes)]));
    expect(images[0]?.body.size).toBe(maxFileBytes);
    // Node's own FormData fails, unhandled, when the reading of its body ends early.
    const large = rawPart('name="files"; filename="a.png"', latin1Of(padded(maxFileBytes + 1)));
    const refusal = await refusalOf(() => readForm(rawRequest(rawForm(rawWords, large))));
    expect(refusal).toMatchObject({ code: "file_too_large", status: 413 });
  });

  test("a form whose Content-Length is too large is refused before it is read", async () => {
    const request = new Request("http://api/", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x", "content-length": "99999999" },
      body: "--x--",
    });
    expect(await refusalOf(() => readForm(request))).toMatchObject({ code: "payload_too_large" });
  });

  test.each([
    [
      "that ends too early",
      '--x\r\ncontent-disposition: form-data; name="instructions"\r\n\r\nA wat',
      "multipart/form-data; boundary=x",
    ],
    ["with another boundary than its header", "--y\r\n\r\n", "multipart/form-data; boundary=x"],
    ["without a boundary in its header", "--x--", "multipart/form-data"],
  ])("a form %s is refused as malformed_body", async (_name, body, type) => {
    const request = new Request("http://api/", { method: "POST", headers: { "content-type": type }, body });
    expect(await refusalOf(() => readForm(request))).toMatchObject({
      code: "malformed_body",
      status: 400,
    });
  });

  test("a form with too many fields is refused as malformed_body", async () => {
    const parts = Array.from({ length: 30 }, (_, at): Part => [`field${at}`, "x"]);
    expect(await refusalOf(() => readForm(formRequest(wordsPart, photoPart, ...parts)))).toMatchObject({
      code: "malformed_body",
    });
  });
});

describe("JSON bodies", () => {
  test.each([
    ["`prompt`", { prompt: " A lighthouse " }],
    ["`instructions`, the older name", { instructions: "A lighthouse" }],
  ])("a JSON body accepts %s", (_name, json) => {
    expect(parseGenerationJson(json)).toEqual({
      prompt: "A lighthouse",
      model: undefined,
      is_public: false,
      options: {},
      upload_ids: [],
      images: [],
    });
  });

  test("a JSON body accepts a prompt of 1,000 characters", () => {
    expect(parseGenerationJson({ prompt: "x".repeat(1000) }).prompt).toHaveLength(1000);
  });

  test.each<[string, unknown]>([
    ["that is null", null],
    ["that is a list", []],
    ["that is a string", "prompt"],
    ["without fields", {}],
    ["with a number as prompt", { prompt: 7 }],
    ["with half of a surrogate pair", { prompt: "a\ud800b" }],
    ["with a NUL", { prompt: "a\u0000b" }],
    ["with a seed that is too large", { prompt: "a", seed: 2 ** 31 }],
  ])("a JSON body %s is refused, and the error names the place", async (_name, json) => {
    const refusal = await refusalOf(async () => parseGenerationJson(json));
    expect(refusal).toMatchObject({ code: "validation_failed", status: 422 });
    expect(refusal.errors?.[0]?.loc[0]).toBe("body");
  });
});

describe("empty fields", () => {
  test("an empty optional field and an empty file input of a form count as absent", async () => {
    const unfilled = rawPart('name="files"; filename=""', "", "Content-Type: application/octet-stream\r\n");
    const empty = ["is_public", "model", "aspect_ratio", "seed", "prompt"].map((name) =>
      rawPart(`name="${name}"`, name === "model" ? "  " : ""),
    );
    const found = await readForm(rawRequest(rawForm(unfilled, rawWords, ...empty, rawPhoto, unfilled)));
    expect(found).toMatchObject({ prompt: "A watercolour", model: undefined, is_public: false, options: {} });
    expect(found.images).toHaveLength(1);
    const alone = await refusalOf(() => readForm(rawRequest(rawForm(rawWords, unfilled))));
    expect(alone.errors?.[0]).toMatchObject({ loc: ["body", "files"], type: "missing" });
  });

  test.each([null, ""])(
    "an optional field that is %j counts as absent, in JSON and in JSON within a form",
    async (nothing) => {
      const fields = {
        instructions: nothing,
        model: nothing,
        aspect_ratio: nothing,
        seed: nothing,
        is_public: nothing,
        upload_ids: nothing,
      };
      const expected = { prompt: "A", model: undefined, is_public: false, options: {}, upload_ids: [] };
      expect(parseGenerationJson({ prompt: "A", ...fields })).toMatchObject(expected);
      const instructions = JSON.stringify({ prompt: "A", ...fields });
      expect(await readForm(formRequest(["instructions", instructions], photoPart))).toMatchObject(expected);
    },
  );
});

describe("numbers of a form", () => {
  test.each(["0x10", "1e3", "7.0", "-1", "+7", "1_000", "٧", "Infinity", "7 8", "99999999999"])(
    "the form value %s is refused as a number",
    async (seed) => {
      expect(
        await refusalOf(() => readForm(formRequest(wordsPart, photoPart, ["seed", seed]))),
      ).toMatchObject({ status: 422 });
    },
  );
  test.each([
    ["7", 7],
    [" 7 ", 7],
    ["0", 0],
    ["2147483647", 2147483647],
  ])("the form value %j is accepted as a number", async (text, seed) => {
    expect((await readForm(formRequest(wordsPart, photoPart, ["seed", String(text)]))).options).toEqual({
      seed,
    });
  });
});

describe("line breaks", () => {
  test("a form and JSON with the same lines give the same prompt", async () => {
    const lines = "One\r\ntwo\rthree\nfour";
    const { prompt } = await readForm(rawRequest(rawForm(rawPart('name="instructions"', lines), rawPhoto)));
    expect(prompt).toBe("One\ntwo\nthree\nfour");
    expect(parseGenerationJson({ prompt: lines }).prompt).toBe(prompt);
  });
  test("a line break counts as one character, also as CR and LF", () => {
    const text = `${"x\n".repeat(499)}yz`;
    expect(parseGenerationJson({ prompt: text.replaceAll("\n", "\r\n") }).prompt).toBe(text);
  });
});
