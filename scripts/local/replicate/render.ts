import { createHash } from "node:crypto";
import { type Backdrop, drawBackdrop, drawDiscs, drawHills, drawRibbons, type Rng } from "./drawing.ts";
import { decodePng, encodePng, imageSize, type Pixels } from "./image-file.ts";

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
export async function render(request: RenderRequest): Promise<Buffer> {
  const hash = createHash("sha256").update(JSON.stringify([request.prompt, request.index, request.seed]));
  for (const image of request.images) hash.update(createHash("sha256").update(image).digest());
  const random = randomFrom(hash.digest());
  const { width, height } = request;
  const canvas: Pixels = { width, height, data: new Uint8ClampedArray(width * height * 3) };
  const hue = random() * 360;
  const drawing: Backdrop = { canvas, random, hue, photo: firstPhoto(request.images) };

  drawBackdrop(drawing);
  // Hills would bury a photo.
  const compositions = drawing.photo ? [drawDiscs, drawRibbons] : [drawHills, drawDiscs, drawRibbons];
  compositions[Math.floor(random() * compositions.length)]?.(drawing);
  return encodePng(canvas);
}

function firstPhoto(images: Buffer[]): Pixels | undefined {
  for (const image of images) {
    if (imageSize(image) && image[0] === 0x89) {
      const pixels = decodePng(image);
      if (pixels) return pixels;
    }
  }
  return undefined;
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
