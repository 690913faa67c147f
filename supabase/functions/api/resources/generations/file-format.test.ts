import { expect, test } from "vitest";
import { nameFormat } from "./file-format.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

test.each<[string | null, string]>([
  ["JPEG", "\xff\xd8\xff\xe0"],
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["WebP", "RIFF\x10\0\0\0WEBPVP8 "],
  ["AVIF", "\0\0\0\x20ftypavif\0\0\0\0"],
  ["AVIF", "\0\0\0\x20ftypavis"],
  ["HEIC", "\0\0\0\x18ftypheic"],
  ["HEIC", "\0\0\0\x18ftyphevx"],
  ["HEIF", "\0\0\0\x18ftypmif1"],
  ["MP4", "\0\0\0\x18ftypisom"],
  ["GIF", "GIF89a"],
  ["BMP", "BM\x36"],
  ["TIFF", "II*\0"],
  ["JPEG XL", "\xff\x0a"],
  ["JPEG XL", "\0\0\0\x0cJXL \r\n"],
  ["PDF", "%PDF-1.7"],
  ["SVG", "  <svg xmlns='http://www.w3.org/2000/svg'/>"],
  ["SVG", "<?xml version='1.0'?><svg/>"],
  ["HTML", "<!DOCTYPE html><title>"],
  [null, "{}"],
  [null, "A lighthouse"],
  [null, ""],
])("%s is known by its first bytes", (name, content) => {
  expect(nameFormat(bytesOf(content))).toBe(name);
});
