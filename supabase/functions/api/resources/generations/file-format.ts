const ascii = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, Math.min(to, bytes.length)));

/** The first bytes of what people and models take for pictures, and where they begin. */
const signatures: readonly [name: string, offset: number, text: string][] = [
  ["JPEG", 0, "\xff\xd8\xff"],
  ["PNG", 0, "\x89PNG\r\n\x1a\n"],
  ["WebP", 8, "WEBP"],
  ["GIF", 0, "GIF8"],
  ["BMP", 0, "BM"],
  ["TIFF", 0, "II*\0"],
  ["TIFF", 0, "MM\0*"],
  ["JPEG XL", 0, "\xff\x0a"],
  ["JPEG XL", 4, "JXL "],
  ["PSD", 0, "8BPS"],
  ["ICO", 0, "\0\0\x01\0"],
  ["PDF", 0, "%PDF-"],
  ["WebM", 0, "\x1a\x45\xdf\xa3"],
  ["ZIP", 0, "PK\x03\x04"],
  ["GLB", 0, "glTF"],
];

/** Brands of the ISO base media format, where AVIF, HEIC and MP4 differ by what they call themselves. */
const brands: readonly [name: string, brand: RegExp][] = [
  ["AVIF", /^avi[fs]$/],
  ["HEIC", /^(hei[cmsx]|hev[cmsx])$/],
  ["HEIF", /^(mif1|msf1)$/],
  ["MP4", /^./],
];

/** What a file is by its content, for a sentence; null when nobody would know it by name. */
export function nameFormat(bytes: Uint8Array): string | null {
  const known = signatures.find(([, offset, text]) => ascii(bytes, offset, offset + text.length) === text);
  if (known !== undefined) return known[0];
  if (ascii(bytes, 4, 8) === "ftyp")
    return brands.find(([, brand]) => brand.test(ascii(bytes, 8, 12)))?.[0] ?? null;
  const start = ascii(bytes, 0, 256).trimStart().toLowerCase();
  if (start.startsWith("<svg") || (start.startsWith("<?xml") && start.includes("<svg"))) return "SVG";
  return start.startsWith("<!doctype html") || start.startsWith("<html") ? "HTML" : null;
}
