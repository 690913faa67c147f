import { encode } from "fast-png";

/** A small photo-like PNG, as its bytes. */
export function pngPhoto(): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(64 * 48 * 3).map((_, at) => (at * 7) % 256);
  return new Uint8Array(encode({ width: 64, height: 48, channels: 3, data }));
}

export const pngSignature = [137, 80, 78, 71, 13, 10, 26, 10];
