import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type DecodedPng, decode } from "fast-png";
import { imageSize } from "image-size";
import { encodePng, type Pixels } from "./encode-png.ts";

export type RenderRequest = {
  prompt: string;
  /** Bytes of the input images, in order. */
  images: Buffer[];
  /** Which of several outputs. */
  index: number;
  seed: number;
  width: number;
  height: number;
};

/** Beyond this, decoding would hold the event loop for longer than a local server may. */
const maxDecodedPixels = 4_000_000;

/** The two lines "Drawn by the local stand-in; set REPLICATE_API_TOKEN for real ones", so that nobody takes a picture for a model's. */
const stamp = decode(readFileSync(new URL("stamp.png", import.meta.url)));

/** A picture that is the same for the same request and differs with every part of it, as PNG bytes. */
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

/** Waves of colour around a light, all from the digest; an input photo shines through. */
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

/** Index of the photo's pixel at u, v (0–1), cropped to cover the wanted aspect. */
function sampleAt(photo: DecodedPng, u: number, v: number, aspect: number): number {
  const own = photo.width / photo.height;
  const x = Math.floor((0.5 + (u - 0.5) * Math.min(1, aspect / own)) * photo.width);
  const y = Math.floor((0.5 + (v - 0.5) * Math.min(1, own / aspect)) * photo.height);
  return (Math.min(photo.height - 1, y) * photo.width + Math.min(photo.width - 1, x)) * photo.channels;
}

/** Into the lower left corner; smaller on a picture that is narrower than the words. */
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

/** Undefined for other formats, and for a PNG that is too large or not in plain colours. Throws on a broken file. */
function decodePhoto(bytes: Buffer): DecodedPng | undefined {
  const { type, width, height } = imageSize(bytes);
  if (type !== "png" || width * height > maxDecodedPixels) return undefined;
  const png = decode(bytes);
  return png.depth === 8 && png.channels >= 3 ? png : undefined;
}
