import { convertIndexedToRgb, decode } from "fast-png";
import { imageSize } from "image-size";

/** Beyond this, decoding would hold the event loop for longer than a local server may. */
const maxDecodedPixels = 4_000_000;

/** RGB, three bytes a pixel. */
export type Pixels = { width: number; height: number; data: Uint8ClampedArray };

/** Undefined for other formats, for a PNG that is too large, and for packed grey. Throws on a broken file. */
export function decodePng(bytes: Buffer): Pixels | undefined {
  const { type, width, height } = imageSize(bytes);
  if (type !== "png" || width * height > maxDecodedPixels) return undefined;
  const png = decode(bytes);
  if (png.depth < 8 && !png.palette) return undefined;
  const channels = png.palette ? 3 : png.channels;
  const source = png.palette ? convertIndexedToRgb(png) : png.data;
  const shift = png.depth === 16 ? 8 : 0;
  const data = Uint8ClampedArray.from({ length: width * height * 3 }, (_, i) => {
    const channel = channels < 3 ? 0 : i % 3;
    return (source[Math.floor(i / 3) * channels + channel] as number) >> shift;
  });
  return { width, height, data };
}
