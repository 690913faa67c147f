import { Buffer } from "node:buffer";

/**
 * Gives chunks of a form an `indexOf` that skips bytes. Busboy calls `Buffer.indexOf`, which on Deno is JavaScript that compares
 * every byte. That cost more than the rest of the parser.
 * @param boundary of RFC 2046. The only carriage return of a delimiter is then its first byte.
 */
export function withDelimiterSearch(boundary: string): (chunk: Uint8Array) => Buffer {
  const text = `\r\n--${boundary}`;
  const delimiter = Buffer.from(text, "latin1");
  const find = delimiterSearch(Uint8Array.from(text, (character: string) => character.charCodeAt(0)));
  return (chunk) => {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // The types of Deno 2.1 know neither BufferEncoding nor that a Buffer is a Uint8Array.
    bytes.indexOf = (
      value: string | number | Uint8Array,
      from?: number | string,
      encoding?: string,
    ): number =>
      value instanceof Uint8Array && typeof from === "number" && delimiter.equals(value)
        ? find(chunk, from)
        : Reflect.apply(Buffer.prototype.indexOf, bytes, [value, from, encoding]);
    return bytes;
  };
}

/** The search of Boyer, Moore and Horspool: the first index of the delimiter from `from` on, or -1. */
export function delimiterSearch(delimiter: Uint8Array) {
  const last = delimiter.length - 1;
  /** For each byte: how far to skip if it is at the position of the delimiter's last byte. */
  const skips = new Uint8Array(256).fill(delimiter.length);
  for (const [at, byte] of delimiter.subarray(0, last).entries()) skips[byte] = last - at;
  const end = delimiter[last];

  return (bytes: Uint8Array, from: number): number => {
    const size = bytes.length;
    for (let at = from; at + last < size; ) {
      const byte = bytes[at + last] as number;
      let same = 0;
      if (byte === end) {
        while (same < last && bytes[at + same] === delimiter[same]) same++;
        if (same === last) return at;
      }
      // No delimiter begins within the equal bytes, so each is compared once.
      at += Math.max(skips[byte] as number, same);
    }
    return -1;
  };
}
