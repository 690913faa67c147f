import { describe, expect, test } from "vitest";
import { jpeg, png, pngHeader, webp } from "../../../../../tests/support/images.ts";
import { extensionOf, maxDimension, readImageType } from "./image-type.ts";

const text = (content: string) => new TextEncoder().encode(content);

test.each([
  ["PNG", png(16, 12), { content_type: "image/png", width: 16, height: 12 }],
  ["JPEG", jpeg, { content_type: "image/jpeg", width: 1, height: 1 }],
  ["WebP", webp, { content_type: "image/webp", width: 1, height: 1 }],
])("a %s is known by its content", (_name, bytes, type) => {
  expect(readImageType(bytes)).toEqual(type);
});

describe("what is no image that we take", () => {
  test.each([
    ["nothing", new Uint8Array()],
    ["text", text("not an image at all")],
    ["a page", text("<html><body>hello</body></html>")],
    ["a drawing with scripts", text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>')],
    ["a GIF", Uint8Array.from(Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAA=", "base64"))],
    ["the first bytes of a PNG alone", png().slice(0, 8)],
    [
      "the first bytes of a JPEG and then text",
      Uint8Array.from([0xff, 0xd8, 0xff, ...text("hello, this is text")]),
    ],
    ["RIFF that is sound", text("RIFF\u0024\u0000\u0000\u0000WAVEfmt ")],
    ["a PNG without width", pngHeader(0, 10)],
    ["a PNG that is too wide", pngHeader(maxDimension + 1, 10)],
    ["a PNG that is too high", pngHeader(10, maxDimension + 1)],
    ["a PNG that claims four billion pixels a side", pngHeader(0xffffffff, 0xffffffff)],
  ])("%s", (_name, bytes) => {
    expect(readImageType(bytes)).toBeNull();
  });

  test("the largest sides are taken", () => {
    expect(readImageType(pngHeader(maxDimension, maxDimension))).toMatchObject({ width: maxDimension });
  });
});

test("extensions follow the content", () => {
  expect(["image/jpeg", "image/png", "image/webp"].map((type) => extensionOf(type as "image/png"))).toEqual([
    "jpg",
    "png",
    "webp",
  ]);
});
