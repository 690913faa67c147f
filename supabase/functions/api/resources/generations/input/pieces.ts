const smallest = 4 * 1024;
const largest = 64 * 1024;

/**
 * Stores chunks in a few blocks, so that a sender of single bytes causes no more memory than the bytes.
 */
export class Pieces {
  readonly blocks: Uint8Array[] = [];
  size = 0;
  /** The memory of the blocks. */
  reserved = 0;
  #left = 0;

  add(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left === 0) this.#grow();
      const block = this.blocks.at(-1) as Uint8Array;
      const part = chunk.subarray(at, at + this.#left);
      block.set(part, block.length - this.#left);
      this.#left -= part.length;
      this.size += part.length;
      at += part.length;
    }
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    for (const [index, block] of this.blocks.entries()) {
      yield index === this.blocks.length - 1 ? block.subarray(0, block.length - this.#left) : block;
    }
  }

  #grow(): void {
    const bytes = Math.min(Math.max(this.size, smallest), largest);
    this.blocks.push(new Uint8Array(bytes));
    this.#left = bytes;
    this.reserved += bytes;
  }
}
