import { type ContentType, imageFormats, nameOf, type Size, type Steps } from "./image-formats.ts";

/** The result of a probe. `other` has the name of a known format, such as HEIC. */
export type ImageReading =
  | ({ kind: "image" | "too_many_pixels"; content_type: ContentType } & Size)
  | { kind: "other"; name: string | null };

export const maxDimension = 8192;
const headBytes = 16;

/**
 * Reads the structure of a picture while its bytes arrive, up to its first pixel. It keeps a few bytes and reads each byte once, so
 * megabytes of metadata need linear time and no memory.
 */
export class ImageProbe {
  /** The result; undefined until it is known. */
  reading: ImageReading | undefined;
  readonly #head = new Uint8Array(headBytes);
  #headSize = 0;
  #type: ContentType | undefined;
  #steps: Steps | undefined;
  #taken = new Uint8Array(0);
  #takenSize = 0;
  #skip = 0;
  #past: number | undefined;

  push(chunk: Uint8Array): void {
    let rest = chunk;
    if (this.#steps === undefined && this.reading === undefined) {
      const part = rest.subarray(0, headBytes - this.#headSize);
      this.#head.set(part, this.#headSize);
      this.#headSize += part.length;
      rest = rest.subarray(part.length);
      if (this.#headSize < headBytes) return;
      this.#begin();
      this.#feed(this.#head);
    }
    this.#feed(rest);
  }

  /** The result at the end of the bytes. */
  end(): ImageReading {
    this.reading ??= { kind: "other", name: nameOf(this.#head.subarray(0, this.#headSize)) };
    return this.reading;
  }

  #begin(): void {
    const format = imageFormats.find(([, matches]) => matches(this.#head));
    if (format === undefined) {
      this.reading = { kind: "other", name: nameOf(this.#head) };
      return;
    }
    this.#type = format[0];
    this.#steps = format[2]();
    this.#go(new Uint8Array(0));
  }

  #feed(chunk: Uint8Array): void {
    let at = 0;
    while (this.reading === undefined && at < chunk.length) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
        if (this.#skip === 0) this.#go(chunk.subarray(at, at));
      } else if (this.#past !== undefined) {
        while (at < chunk.length && chunk[at] === this.#past) at++;
        if (at < chunk.length) this.#go(chunk.subarray(at, at));
      } else {
        const part = chunk.subarray(at, at + this.#taken.length - this.#takenSize);
        this.#taken.set(part, this.#takenSize);
        this.#takenSize += part.length;
        at += part.length;
        if (this.#takenSize === this.#taken.length) this.#go(this.#taken);
      }
    }
  }

  /** Continues the parser until it needs more bytes. */
  #go(bytes: Uint8Array): void {
    this.#past = undefined;
    const { done, value } = this.#steps?.next(bytes) ?? { done: true, value: null };
    if (done) this.reading = this.#readingOf(value as Size | null);
    else if ("skip" in value) this.#skip = value.skip;
    else if ("past" in value) this.#past = value.past;
    else {
      this.#taken = new Uint8Array(value.take);
      this.#takenSize = 0;
    }
  }

  #readingOf(size: Size | null): ImageReading {
    if (size === null || size.width < 1 || size.height < 1) return { kind: "other", name: null };
    const fits = size.width <= maxDimension && size.height <= maxDimension;
    const content_type = this.#type as ContentType;
    return { kind: fits ? "image" : "too_many_pixels", content_type, ...size };
  }
}
