import { describe, expect, test } from "vitest";
import {
  formRequest,
  latin1Of,
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
import { heic, jpegWithMetadata, png, pngHeader } from "../../../../../../tests/support/images.ts";

describe("multipart forms", () => {
  test.each<[string, Uint8Array, string?]>([
    ["a preamble", Buffer.concat([Buffer.from("This is a form.\r\n"), rawForm(rawWords, rawPhoto)])],
    [
      "a line break before the first boundary",
      Buffer.concat([Buffer.from("\r\n"), rawForm(rawWords, rawPhoto)]),
    ],
    ["bytes after its end", Buffer.concat([rawForm(rawWords, rawPhoto), Buffer.from("--x\r\nmore")])],
    ["`Boundary=` in the header", rawForm(rawWords, rawPhoto), "multipart/form-data; Boundary=x"],
    ["a quoted boundary", rawForm(rawWords, rawPhoto), 'multipart/form-data; charset=utf-8; boundary="x"'],
    ["capitals in the type", rawForm(rawWords, rawPhoto), "Multipart/Form-Data;boundary=x"],
    ["a photo without a file name", rawForm(rawWords, rawPart('name="image"', latin1Of(png())))],
    [
      "a field declared as Latin-1",
      rawForm(
        rawPart(
          'name="instructions"',
          "A watercolour\xe9",
          "Content-Type: text/plain; charset=iso-8859-1\r\n",
        ),
        rawPhoto,
      ),
    ],
  ])("a form with %s is accepted", async (_name, body, type) => {
    const { prompt, images } = await readForm(rawRequest(body, type));
    expect(prompt).toMatch(/^A watercolour/);
    expect(images).toHaveLength(1);
  });

  test("a form with any boundary of RFC 2046 is accepted", async () => {
    for (const boundary of ["x".repeat(70), "'()+_,-./:=?", "----WebKitFormBoundaryABC", "a b", "0"]) {
      const body = Buffer.from(
        rawForm(rawWords, rawPhoto).toString("latin1").replaceAll("--x", `--${boundary}`),
        "latin1",
      );
      const type = `multipart/form-data; boundary="${boundary}"`;
      expect((await readForm(rawRequest(body, type))).images, boundary).toHaveLength(1);
    }
  });

  test.each<[string, string, RegExp]>([
    ["that is missing", "multipart/form-data", /names no boundary\. Let your HTTP client set this header/],
    ["without characters", 'multipart/form-data; boundary=""', /1 to 70/],
    ["of 71 characters", `multipart/form-data; boundary=${"B".repeat(71)}`, /1 to 70/],
    ["of 252 characters", `multipart/form-data; boundary=${"B".repeat(252)}`, /boundary/],
    ["with a space at its end", 'multipart/form-data; boundary="x "', /1 to 70/],
    ["with brackets", "multipart/form-data; boundary=<x>", /1 to 70/],
  ])("a boundary %s is refused with a sentence, before the body is read", async (_name, type, detail) => {
    const request = rawRequest(rawForm(rawWords, rawPhoto), type);
    const refusal = await refusalOf(() => readForm(request));
    expect(refusal).toMatchObject({ code: "malformed_body", status: 400 });
    expect(refusal.detail).toMatch(detail);
    expect(request.bodyUsed).toBe(false);
  });

  test("a file in an unknown field is refused, and the error names the field", async () => {
    const refusal = await refusalOf(() => readForm(formRequest(wordsPart, photoPart, ["avatar", png()])));
    expect(refusal.errors?.[0]?.loc).toEqual(["body", "avatar"]);
  });

  test.each(["gzip", "br", "deflate"])(
    "a body compressed with %s is refused, and the error names the encoding",
    async (encoding) => {
      const packed = rawRequest(rawForm(rawWords, rawPhoto), undefined, { "content-encoding": encoding });
      const refusal = await refusalOf(() => readForm(packed));
      expect(refusal).toMatchObject({ code: "unsupported_media_type", status: 415 });
      expect(refusal.detail).toContain(encoding);
    },
  );

  test("a text field that is not valid UTF-8 is refused", async () => {
    const refusal = await refusalOf(() =>
      readForm(rawRequest(rawForm(rawPart('name="instructions"', "\xff\xfe"), rawPhoto))),
    );
    expect(refusal).toMatchObject({ code: "malformed_body" });
  });
});

describe("photos of a form", () => {
  test("a form with a JPEG of 3 MB of metadata is accepted", async () => {
    const { images } = await readForm(formRequest(wordsPart, ["files", jpegWithMetadata(3_000_000, 100)]));
    expect(images[0]).toMatchObject({ content_type: "image/jpeg", width: 1, height: 1 });
  });

  test("a HEIC photo is unsupported_image, and a photo with too many pixels is too_many_pixels", async () => {
    const refused = await refusalOf(() => readForm(formRequest(wordsPart, ["files", heic, "IMG_0001.HEIC"])));
    expect(refused).toMatchObject({ code: "unsupported_image", detail: expect.stringContaining("HEIC") });
    const large = await refusalOf(() =>
      readForm(formRequest(wordsPart, ["files", pngHeader(12_000, 9_000)])),
    );
    expect(large).toMatchObject({
      code: "too_many_pixels",
      status: 413,
      detail: expect.stringContaining("12000"),
    });
  });

  test("a file that is not an image is refused at its first bytes, before the rest is read", async () => {
    let pulled = 0;
    const head = rawWords + rawPart('name="files"; filename="a.png"', "").slice(0, -2);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(pulled++ === 0 ? Buffer.from(head) : new Uint8Array(64 * 1024).fill(65));
      },
    });
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    const refusal = await refusalOf(() =>
      readForm(new Request("http://api/", { method: "POST", headers, body, ...{ duplex: "half" } })),
    );
    expect(refusal).toMatchObject({ code: "unsupported_image" });
    expect(pulled).toBeLessThan(6);
  });
});
