import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import {
  heic,
  jpeg,
  jpegWithMetadata,
  png,
  pngHeader,
  pngWithMetadata,
  webp,
  webpWithMetadata,
} from "../../../../../../tests/support/images.ts";
import { ImageProbe, maxDimension } from "./image-probe.ts";
import { acceptImage, extensionOf, readImage } from "./image-type.ts";

const text = (content: string) => new TextEncoder().encode(content);
const megabyte = 1024 * 1024;

const taken: [string, Uint8Array, { content_type: string; width: number; height: number }][] = [
  ["PNG", png(16, 12), { content_type: "image/png", width: 16, height: 12 }],
  ["JPEG", jpeg, { content_type: "image/jpeg", width: 1, height: 1 }],
  ["WebP", webp, { content_type: "image/webp", width: 1, height: 1 }],
  [
    "JPEG with 3 MB of metadata before its frame",
    jpegWithMetadata(3 * megabyte),
    { content_type: "image/jpeg", width: 1, height: 1 },
  ],
  [
    "JPEG with fill bytes before its markers",
    jpegWithMetadata(10, 5_000),
    { content_type: "image/jpeg", width: 1, height: 1 },
  ],
  [
    "PNG with 3 MB of metadata",
    pngWithMetadata(3 * megabyte),
    { content_type: "image/png", width: 16, height: 12 },
  ],
  [
    "WebP with 3 MB of metadata",
    webpWithMetadata(3 * megabyte),
    { content_type: "image/webp", width: 300, height: 200 },
  ],
];

test.each(taken)("the type and size of a %s are read from its content", (_name, bytes, type) => {
  expect(acceptImage(readImage(bytes))).toEqual(type);
});

test.each(taken.slice(0, 3))(
  "the type and size of a %s are the same for chunks of any size",
  (_name, bytes, type) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 9 }), (sizes) => {
        const probe = new ImageProbe();
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          probe.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(probe.end()).toEqual({ kind: "image", ...type });
      }),
      { numRuns: 50 },
    );
  },
);

const none: [string, Uint8Array][] = [
  ["an empty file", new Uint8Array()],
  ["a text file", text("not an image at all")],
  ["an HTML page", text("<html><body>hello</body></html>")],
  ["an SVG drawing", text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"></svg>')],
  ["an SVG behind the first bytes of a WebP", text("RIFF\u0024\u0000\u0000\u0000WEBP<svg onload=alert(1)>")],
  [
    "an SVG behind the first bytes of a JPEG",
    Uint8Array.from([0xff, 0xd8, 0xff, ...text("<svg width='10' height='10' onload=alert(1)>")]),
  ],
  [
    "an SVG behind the first bytes of a PNG",
    Uint8Array.from([...png().slice(0, 8), ...text("<svg width='10'>")]),
  ],
  ["a GIF", Uint8Array.from(Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAA=", "base64"))],
  ["only the first bytes of a PNG", png().slice(0, 8)],
  ["only the header of a PNG", png().slice(0, 33)],
  ["a JPEG that ends before its pixels", jpeg.slice(0, jpeg.length - 20)],
  ["a WebP that ends before its picture", webp.slice(0, 22)],
  ["a PNG with a wrong checksum in its header", png().map((byte, at) => (at === 29 ? byte ^ 1 : byte))],
  ["a WAVE file", text("RIFF\u0024\u0000\u0000\u0000WAVEfmt ")],
  ["a PNG without width", pngHeader(0, 10)],
];

describe("refused images", () => {
  test.each(none)("%s is not accepted as an image", (_name, bytes) => {
    expect(readImage(bytes).kind).toBe("other");
  });

  test.each([
    ["a PNG that is too wide", pngHeader(maxDimension + 1, 10)],
    ["a PNG that is too high", pngHeader(10, maxDimension + 1)],
    ["a PNG that claims four billion pixels a side", pngHeader(0xffffffff, 0xffffffff)],
  ])("%s is refused with too_many_pixels", (_name, bytes) => {
    expect(() => acceptImage(readImage(bytes))).toThrow(
      expect.objectContaining({ code: "too_many_pixels", status: 413 }),
    );
  });

  test("a PNG with the largest allowed sides is accepted", () => {
    expect(readImage(pngHeader(maxDimension, maxDimension))).toMatchObject({
      kind: "image",
      width: maxDimension,
    });
  });

  test.each([
    ["HEIC", heic, /HEIC.*JPEG.*Most compatible/],
    ["AVIF", Uint8Array.from([0, 0, 0, 24, ...text("ftypavif0000mif1avif")]), /AVIF.*JPEG, PNG or WebP/],
    ["GIF", text("GIF89a0123456789"), /GIF/],
    ["SVG", text("<svg xmlns='http://www.w3.org/2000/svg'/>"), /SVG/],
    ["TIFF", Uint8Array.from([0x49, 0x49, 42, 0, ...text("0123456789abcdef")]), /TIFF/],
  ])("the error about a %s file names its format and the accepted formats", (_name, bytes, sentence) => {
    expect(() => acceptImage(readImage(bytes))).toThrow(
      expect.objectContaining({ code: "unsupported_image", detail: expect.stringMatching(sentence) }),
    );
  });
});

describe("work of the image probe", () => {
  const repeat = (head: number[], unit: number[], bytes: number) => {
    const whole = new Uint8Array(bytes);
    whole.set(head);
    for (let at = head.length; at + unit.length <= bytes; at += unit.length) whole.set(unit, at);
    return whole;
  };
  test.each<[string, (bytes: number) => Uint8Array]>([
    ["endless fill bytes", (bytes) => repeat([0xff, 0xd8], [0xff], bytes)],
    ["empty JPEG segments", (bytes) => repeat([0xff, 0xd8], [0xff, 0xe1, 0, 2], bytes)],
    ["JPEG segments of one byte", (bytes) => repeat([0xff, 0xd8], [0xff, 0xfe, 0, 3, 0], bytes)],
    [
      "empty PNG chunks",
      (bytes) => repeat([...png().slice(0, 33)], [0, 0, 0, 0, ...text("tEXt"), 0, 0, 0, 0], bytes),
    ],
    [
      "empty pixel chunks",
      (bytes) => repeat([...png().slice(0, 33)], [0, 0, 0, 0, ...text("IDAT"), 0, 0, 0, 0], bytes),
    ],
    [
      "empty WebP chunks",
      (bytes) => repeat([...webpWithMetadata(0).slice(0, 30)], [...text("EXIF"), 0, 0, 0, 0], bytes),
    ],
    ["zeros", (bytes) => repeat([0xff, 0xd8, 0xff, 0xe1, 0xff, 0xff], [0], bytes)],
  ])("the image probe's work is linear for %s", (_name, make) => {
    const [once, four] = [stepsFor(make(100_000)), stepsFor(make(400_000))];
    expect(once).toBeGreaterThan(1);
    expect(four).toBeLessThanOrEqual(4 * once);
    expect(four).toBeLessThan(400_000);
  });
});

/** Counts the steps of the probe. Each step calls `subarray`. */
function stepsFor(bytes: Uint8Array): number {
  const subarray = vi.spyOn(Uint8Array.prototype, "subarray");
  try {
    readImage(bytes);
    return subarray.mock.calls.length;
  } finally {
    subarray.mockRestore();
  }
}

test("a stored file has the extension of its content type", () => {
  expect(["image/jpeg", "image/png", "image/webp"].map((type) => extensionOf(type as "image/png"))).toEqual([
    "jpg",
    "png",
    "webp",
  ]);
});
