export type ContentType = "image/jpeg" | "image/png" | "image/webp";
export type Size = { width: number; height: number };
/** What a parser needs next: bytes to read, bytes to skip, or a run of this byte to skip. */
type Need = { take: number } | { skip: number } | { past: number };
/** Returns the size of a picture whose structure is valid up to its first pixels, else null. A skip is at least one byte. */
export type Steps = Generator<Need, Size | null, Uint8Array>;

/** No camera or editor writes more segments before the pixels. */
const maxSegments = 4096;

const big = (bytes: Uint8Array, at: number, count: number) => {
  let value = 0;
  for (let index = at; index < at + count; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
};
const little = (bytes: Uint8Array, at: number, count: number) => {
  let value = 0;
  for (let index = at + count - 1; index >= at; index--) value = value * 256 + (bytes[index] ?? 0);
  return value;
};
/** Four bytes as text. */
const fourCc = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));

/** ITU T.81, B.1: segments, each after any number of fill bytes, then a frame, then a scan. */
function* jpeg(): Steps {
  yield { skip: 2 };
  let frame: Size | null = null;
  for (let segment = 0; segment < maxSegments; segment++) {
    const start = yield { take: 1 };
    if (start[0] !== 0xff) return null;
    yield { past: 0xff };
    const [marker = 0] = yield { take: 1 };
    // Restart and end markers are not allowed here.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9)) return null;
    const length = big(yield { take: 2 }, 0, 2);
    if (length < 2) return null;
    if (isFrame(marker)) {
      if (frame !== null || length < 11) return null;
      const header = yield { take: 6 };
      const [precision = 0, parts] = [header[0], header[5] ?? 0];
      if (precision < 2 || precision > 16 || parts < 1 || parts > 4 || length !== 8 + 3 * parts) return null;
      frame = { height: big(header, 1, 2), width: big(header, 3, 2) };
      yield { skip: 3 * parts };
    } else if (marker === 0xda) {
      const [parts = 0] = yield { take: 1 };
      if (frame === null || parts < 1 || parts > 4 || length !== 6 + 2 * parts) return null;
      yield { skip: length - 3 };
      yield { take: 1 };
      return frame;
    } else if (length > 2) yield { skip: length - 2 };
  }
  return null;
}

const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

const pngDepths: Record<number, number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** The PNG specification, 5.6: the header first, then chunks until the compressed pixels begin. */
function* png(): Steps {
  const start = yield { take: 33 };
  if (big(start, 0, 4) !== 0x89504e47 || big(start, 4, 4) !== 0x0d0a1a0a || fourCc(start, 12) !== "IHDR")
    return null;
  if (big(start, 8, 4) !== 13 || big(start, 29, 4) !== crc32(start.subarray(12, 29))) return null;
  const [depth = 0, colour = 0, compression, filter, interlace = 2] = start.subarray(24, 29);
  if (!pngDepths[colour]?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) return null;
  const size = { width: big(start, 16, 4), height: big(start, 20, 4) };
  for (let segment = 0; segment < maxSegments; segment++) {
    const head = yield { take: 8 };
    const [length, type] = [big(head, 0, 4), fourCc(head, 4)];
    if (!/^[A-Za-z]{4}$/.test(type) || length >= 2 ** 31 || type === "IEND" || type === "IHDR") return null;
    if (type === "IDAT" && length >= 2) {
      const zlib = yield { take: 2 };
      return (big(zlib, 0, 1) & 15) === 8 && big(zlib, 0, 2) % 31 === 0 ? size : null;
    }
    yield { skip: length + 4 };
  }
  return null;
}

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** RFC 9649: one picture, or a canvas whose first picture comes after its metadata. */
function* webp(): Steps {
  yield { skip: 12 };
  let canvas: Size | null = null;
  for (let segment = 0; segment < maxSegments; segment++) {
    const head = yield { take: 8 };
    const [type, length] = [fourCc(head, 0), little(head, 4, 4)];
    if (type === "VP8 " || type === "VP8L") {
      const size: Size | null = type === "VP8 " ? lossy(yield { take: 10 }) : lossless(yield { take: 5 });
      return size && (canvas ?? size);
    }
    if (canvas === null) {
      if (type !== "VP8X" || length !== 10) return null;
      const fields = yield { take: 10 };
      canvas = { width: 1 + little(fields, 4, 3), height: 1 + little(fields, 7, 3) };
    } else if (type === "ANMF") {
      yield { take: 16 };
      return canvas;
    } else if (length > 0) yield { skip: length + (length % 2) };
  }
  return null;
}

function lossy(frame: Uint8Array): Size | null {
  const isKey = ((frame[0] ?? 1) & 1) === 0 && big(frame, 3, 3) === 0x9d012a;
  return isKey ? { width: little(frame, 6, 2) & 0x3fff, height: little(frame, 8, 2) & 0x3fff } : null;
}

function lossless(header: Uint8Array): Size | null {
  const bits = little(header, 1, 4);
  if (header[0] !== 0x2f || Math.floor(bits / 2 ** 29) !== 0) return null;
  return { width: 1 + (bits % 2 ** 14), height: 1 + (Math.floor(bits / 2 ** 14) % 2 ** 14) };
}

/** The accepted formats: the type, the check of the first bytes, and the parser. */
export const imageFormats: [ContentType, (head: Uint8Array) => boolean, () => Steps][] = [
  ["image/jpeg", (head) => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff, jpeg],
  ["image/png", (head) => head[0] === 0x89 && head[1] === 0x50 && head[2] === 0x4e, png],
  ["image/webp", (head) => fourCc(head, 0) === "RIFF" && fourCc(head, 8) === "WEBP", webp],
];

const brands: Record<string, string> = {
  heic: "HEIC",
  heix: "HEIC",
  heim: "HEIC",
  heis: "HEIC",
  hevc: "HEIC",
  hevx: "HEIC",
  mif1: "HEIC",
  msf1: "HEIC",
  avif: "AVIF",
  avis: "AVIF",
};
const signatures: [string, string][] = [
  ["GIF87a", "GIF"],
  ["GIF89a", "GIF"],
  ["II*\0", "TIFF"],
  ["MM\0*", "TIFF"],
  ["BM", "BMP"],
  ["%PDF-", "PDF"],
  ["\0\0\0\x0cJXL ", "JPEG XL"],
  ["\xff\x0a", "JPEG XL"],
  ["\0\0\x01\0", "ICO"],
  ["<svg", "SVG"],
  ["<?xml", "SVG"],
];

/** The usual name of a format that is not accepted. */
export function nameOf(head: Uint8Array): string | null {
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) === "ftyp") return brands[text.slice(8, 12)] ?? null;
  return signatures.find(([start]) => text.startsWith(start))?.[1] ?? null;
}
