import fc from "fast-check";
import { expect, test } from "vitest";
import { Pieces } from "./pieces.ts";

const kb = 1024;
const noise = (length: number, from = 0) => Uint8Array.from({ length }, (_, at) => (at * 7 + from) % 251);
const wholeOf = (pieces: Pieces) => Buffer.concat([...pieces]);
/** A part of a buffer that is larger by so much, as a server's chunk is. */
const partOf = (bytes: Uint8Array, more: number) => {
  const buffer = new Uint8Array(bytes.length + more);
  buffer.set(bytes, more);
  return buffer.subarray(more);
};

test("chunks of any sizes are stored unchanged, in at most twice their memory and 4 KB", () => {
  const chunk = fc.record({
    length: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 70 * kb })),
    more: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 70 * kb })),
  });
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 40 }), (chunks) => {
      const pieces = new Pieces();
      const sent = chunks.map(({ length, more }, at) => partOf(noise(length, at), more));
      for (const part of sent) pieces.add(part);
      const whole = Buffer.concat(sent);
      expect(wholeOf(pieces).equals(whole)).toBe(true);
      expect(pieces.size).toBe(whole.length);
      const buffers = new Set(pieces.blocks.map(({ buffer }) => buffer));
      const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
      expect(held).toBeLessThanOrEqual(pieces.reserved);
      expect(pieces.reserved).toBeLessThanOrEqual(2 * whole.length + 4 * kb);
    }),
    { numRuns: 200 },
  );
});

test("large chunks between small ones are stored without a copy", () => {
  const pieces = new Pieces();
  const large = Array.from({ length: 16 }, (_, at) => noise(64 * kb, at));
  for (const piece of large) {
    pieces.add(piece);
    pieces.add(Uint8Array.of(13));
  }
  const kept = pieces.blocks.filter(({ buffer }) => large.some((piece) => piece.buffer === buffer));
  expect(kept.length).toBe(16);
  expect(kept.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(16 * 59 * kb);
});

test("a small chunk is copied, so a parser may reuse its buffer", () => {
  const pieces = new Pieces();
  const piece = noise(73);
  pieces.add(piece);
  piece.fill(0);
  expect(wholeOf(pieces).equals(noise(73))).toBe(true);
});
