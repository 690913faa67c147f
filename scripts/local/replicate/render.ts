import { createHash } from "node:crypto";
import { encode } from "fast-png";
import { type Backdrop, drawBackdrop, drawDiscs, type Rng } from "./drawing.ts";
import { decodePng } from "./image-file.ts";
import { drawStamp } from "./stamp.ts";

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

/** A picture that is the same for the same request and differs with every part of it, as PNG bytes. */
export function render({ prompt, images, index, seed, width, height }: RenderRequest): Buffer {
  const hash = createHash("sha256").update(JSON.stringify([prompt, index, seed]));
  for (const image of images) hash.update(createHash("sha256").update(image).digest());
  const random = randomFrom(hash.digest());
  const canvas = { width, height, data: new Uint8ClampedArray(width * height * 3) };
  const [photo] = images.map(decodePng).filter((pixels) => pixels !== undefined);
  const drawing: Backdrop = { canvas, random, hue: random() * 360, photo };
  drawBackdrop(drawing);
  drawDiscs(drawing);
  drawStamp(canvas);
  return Buffer.from(encode({ ...canvas, channels: 3 }, { zlib: { level: 3 } }));
}

/** Mulberry32: small, and the same on every machine. */
function randomFrom(digest: Buffer): Rng {
  let state = digest.readUInt32BE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
