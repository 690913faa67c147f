import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type DecodedPng, decode } from "fast-png";
import { imageSize } from "image-size";
import { encodePng, type Pixels } from "./encode-png.ts";

export type RenderRequest = {
  prompt: string;
  /** The bytes of the input images, in order. */
  images: Buffer[];
  /** The index of the output. */
  index: number;
  seed: number;
  width: number;
  height: number;
};

/** Decoding a larger picture would block the event loop for too long. */
const maxDecodedPixels = 4_000_000;

/**
 * The label "Drawn by the local stand-in; set REPLICATE_API_TOKEN for real ones", so that nobody mistakes it for a model's
 * picture.
 */
const stamp = decode(readFileSync(new URL("stamp.png", import.meta.url)));

/** A picture as PNG bytes. The same request gives the same picture, and every part of the request changes it. */
export function render({ prompt, images, index, seed, width, height }: RenderRequest): Buffer {
  const hash = createHash("sha256").update(JSON.stringify([prompt, index, seed]));
  for (const image of images) hash.update(createHash("sha256").update(image).digest());
  const canvas = { width, height, data: new Uint8ClampedArray(width * height * 3) };
  const [photo] = images.flatMap((image) => decodePhoto(image) ?? []);
  paint(canvas, hash.digest(), photo);
  drawStamp(canvas);
  return encodePng(canvas);
}

const shades = 1024;

/** Paints waves of color around a light, from the digest. An input photo is blended in. */
function paint({ width, height, data }: Pixels, digest: Buffer, photo: DecodedPng | undefined): void {
  const part = (at: number) => digest.readUInt16BE(at) / 65_536;
  const palette = Uint8ClampedArray.from({ length: shades * 3 }, (_, i) => {
    const turn = Math.floor(i / 3) / shades + part(0) + ((i % 3) * (1 + part(2))) / 5;
    return 150 + 95 * Math.cos(2 * Math.PI * turn);
  });
  const [lightX, lightY] = [part(4) * width, part(6) * height];
  const [waves, slope] = [4 + 8 * part(8), 300 + 400 * part(10)];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const distance = Math.sqrt((x - lightX) ** 2 + (y - lightY) ** 2) / Math.max(width, height);
      const shade = Math.floor((y / height) * slope + 90 * Math.cos(distance * waves)) & (shades - 1);
      const from = photo ? sampleAt(photo, x / width, y / height, width / height) : 0;
      for (let c = 0; c < 3; c++, at++) {
        const colour = palette[shade * 3 + c] as number;
        data[at] = photo ? 0.62 * (photo.data[from + c] as number) + 0.38 * colour : colour;
      }
    }
  }
}

/** The index of the photo's pixel at u, v (0–1). The photo is cropped to the requested aspect ratio. */
function sampleAt(photo: DecodedPng, u: number, v: number, aspect: number): number {
  const own = photo.width / photo.height;
  const x = Math.floor((0.5 + (u - 0.5) * Math.min(1, aspect / own)) * photo.width);
  const y = Math.floor((0.5 + (v - 0.5) * Math.min(1, own / aspect)) * photo.height);
  return (Math.min(photo.height - 1, y) * photo.width + Math.min(photo.width - 1, x)) * photo.channels;
}

/** Draws the label into the lower left corner, smaller if the picture is narrow. */
function drawStamp({ width, height, data }: Pixels): void {
  const scale = Math.min(1, width / stamp.width);
  const [across, down] = [Math.floor(stamp.width * scale), Math.floor(stamp.height * scale)];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const from = (Math.floor(y / scale) * stamp.width + Math.floor(x / scale)) * 3;
      data.set(stamp.data.subarray(from, from + 3), ((height - down + y) * width + x) * 3);
    }
  }
}

/** Decodes a PNG. Undefined for other formats, and for a PNG that is too large or has unusual colors. Throws on a broken file. */
function decodePhoto(bytes: Buffer): DecodedPng | undefined {
  const { type, width, height } = imageSize(bytes);
  if (type !== "png" || width * height > maxDecodedPixels) return undefined;
  const png = decode(bytes);
  return png.depth === 8 && png.channels >= 3 ? png : undefined;
}
