import { type ContentType, imageFormats, nameOf, type Size, type Steps } from "./image-formats.ts";

/** What the bytes are. `other` has the format's name where it is known, such as HEIC. */
export type ImageReading =
  | ({ kind: "image" | "too_many_pixels"; content_type: ContentType } & Size)
  | { kind: "other"; name: string | null };

export const maxDimension = 8192;
const headBytes = 16;

/**
 * Reads the structure of a picture as its bytes come, up to the first byte of its pixels. It keeps a few bytes and looks at each
 * byte once, so megabytes of metadata cost their size and no memory.
 */
export class ImageProbe {
  /** Undefined until it is known. */
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

  /** What it is, now that nothing more comes. */
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

  /** Goes on with what was asked for, until the next bytes are needed. */
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
