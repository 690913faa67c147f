import { crc32 } from "node:zlib";
import { encode } from "fast-png";

/** A valid PNG with different pixels. */
export function png(width = 16, height = 12): Uint8Array {
  const data = new Uint8Array(width * height * 3).map((_, at) => (at * 7) % 256);
  return encode({ width, height, channels: 3, data });
}

export const pngSignature = [137, 80, 78, 71, 13, 10, 26, 10];

const fromBase64 = (text: string) => Uint8Array.from(Buffer.from(text, "base64"));

/** A valid JPEG of one pixel. */
export const jpeg = fromBase64(
  "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxD/2Q==",
);

/** A valid lossy WebP of one pixel. */
export const webp = fromBase64("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=");

/** The first 64 bytes of a PNG with these sides in its header. */
export function pngHeader(width: number, height: number): Uint8Array {
  const bytes = png().slice(0, 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint32(29, crc32(bytes.subarray(12, 29)));
  return bytes;
}

/** A JPEG with this many bytes of metadata before its frame, and with fill bytes before each segment. */
export function jpegWithMetadata(bytes: number, fill = 0): Uint8Array {
  const segments: Uint8Array[] = [];
  for (let left = bytes; left > 0; left -= 65_533) {
    const size = Math.min(left, 65_533);
    const head = [0xff, 0xe2, (size + 2) >> 8, (size + 2) & 255];
    segments.push(new Uint8Array(fill).fill(0xff), Uint8Array.from(head), new Uint8Array(size).fill(0xd9));
  }
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

/** A PNG of 16 by 12 with this many bytes of text between its header and its pixels. */
export function pngWithMetadata(bytes: number): Uint8Array {
  const whole = png(16, 12);
  const chunk = Buffer.alloc(bytes + 12);
  chunk.writeUInt32BE(bytes, 0);
  chunk.write("iTXt", 4);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, bytes + 8)), bytes + 8);
  return Buffer.concat([whole.subarray(0, 33), chunk, whole.subarray(33)]);
}

/** A WebP with a canvas of 300 by 200 and this many bytes of color profile before its picture. */
export function webpWithMetadata(bytes: number): Uint8Array {
  const canvas = Buffer.alloc(18);
  canvas.write("VP8X", 0);
  canvas.writeUInt32LE(10, 4);
  canvas[8] = 0x20;
  canvas.writeUIntLE(299, 12, 3);
  canvas.writeUIntLE(199, 15, 3);
  const profile = Buffer.alloc(8 + bytes + (bytes % 2));
  profile.write("ICCP", 0);
  profile.writeUInt32LE(bytes, 4);
  const whole = Buffer.concat([webp.subarray(0, 12), canvas, profile, webp.subarray(12)]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}

/** The first bytes of a phone's HEIC file. */
export const heic = Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0meta", "latin1");
