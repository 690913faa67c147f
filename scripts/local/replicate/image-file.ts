import { promisify } from "node:util";
import { crc32, deflate } from "node:zlib";
import { convertIndexedToRgb, decode } from "fast-png";

const deflateAsync = promisify(deflate);
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Beyond this, decoding would hold the event loop for longer than a local server may. */
const MAX_DECODED_PIXELS = 4_000_000;

export type Pixels = { width: number; height: number; data: Uint8ClampedArray };

type ImageType = "png" | "jpeg" | "webp" | "gif";

/** The format by content, never by name; undefined when it is no image. */
export function imageType(bytes: Buffer): ImageType | undefined {
  if (bytes.subarray(0, 8).equals(SIGNATURE)) return "png";
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  if (bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP") return "webp";
  if (bytes.toString("latin1", 0, 4) === "GIF8") return "gif";
  return undefined;
}

/** RGB, three bytes a pixel. Not fast-png's encoder: zlib off the event loop is several times cheaper. */
export async function encodePng({ width, height, data }: Pixels): Promise<Buffer> {
  const stride = width * 3;
  const raw = Buffer.alloc((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    const out = y * (stride + 1);
    const row = y * stride;
    // Filter "up": smooth gradients become runs of small numbers.
    raw[out] = 2;
    for (let i = 0; i < stride; i++) {
      const above = y === 0 ? 0 : (data[row - stride + i] as number);
      raw[out + 1 + i] = (data[row + i] as number) - above;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  header[9] = 2;
  const body = await deflateAsync(raw, { level: 3 });
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", body),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const out = Buffer.alloc(body.length + 12);
  out.writeUInt32BE(body.length, 0);
  out.write(type, 4, "latin1");
  body.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + body.length)), 8 + body.length);
  return out;
}

/** RGB pixels of a PNG; undefined when it is too large to decode here. Throws on a broken file. */
export function decodePng(bytes: Buffer): Pixels | undefined {
  const size = imageSize(bytes);
  if (!size || size.width * size.height > MAX_DECODED_PIXELS) return undefined;
  const png = decode(bytes);
  const channels = png.palette ? 3 : png.channels;
  const source = png.palette ? convertIndexedToRgb(png) : png.data;
  const shift = png.depth === 16 ? 8 : 0;
  // Grey of 1, 2 or 4 bits stays packed: too rare an input to unpack.
  if (png.depth < 8 && !png.palette) return undefined;
  const data = new Uint8ClampedArray(png.width * png.height * 3);
  const grey = channels < 3;
  for (let i = 0, from = 0, to = 0; i < png.width * png.height; i++, from += channels, to += 3) {
    data[to] = (source[from] as number) >> shift;
    data[to + 1] = (source[grey ? from : from + 1] as number) >> shift;
    data[to + 2] = (source[grey ? from : from + 2] as number) >> shift;
  }
  return { width: png.width, height: png.height, data };
}

/** Pixel size from the header of a PNG or JPEG; undefined for everything else. */
export function imageSize(bytes: Buffer): { width: number; height: number } | undefined {
  const type = imageType(bytes);
  if (type === "png" && bytes.length >= 24) {
    return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
  }
  if (type !== "jpeg") return undefined;
  for (let at = 2; at + 9 < bytes.length; ) {
    const marker = bytes[at + 1] as number;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { width: bytes.readUInt16BE(at + 7), height: bytes.readUInt16BE(at + 5) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}
