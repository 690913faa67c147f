import { encode } from "fast-png";

/** A real PNG whose pixels differ. */
export function png(width = 16, height = 12): Uint8Array {
  const data = new Uint8Array(width * height * 3).map((_, at) => (at * 7) % 256);
  return encode({ width, height, channels: 3, data });
}

export const pngSignature = [137, 80, 78, 71, 13, 10, 26, 10];

const fromBase64 = (text: string) => Uint8Array.from(Buffer.from(text, "base64"));

/** A whole JPEG of one pixel. */
export const jpeg = fromBase64(
  "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
);

/** A whole lossy WebP of one pixel. */
export const webp = fromBase64("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=");

/** A PNG's header that claims these sides, with nothing behind it. */
export function pngHeader(width: number, height: number): Uint8Array {
  const bytes = png().slice(0, 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}
