const smallest = 4 * 1024;
const largest = 64 * 1024;

const isLarge = ({ length, buffer }: Uint8Array) => length >= smallest && 2 * length >= buffer.byteLength;

/**
 * Stores chunks in a few blocks, in at most twice the memory of the bytes. A large chunk is kept as it is when it fills half of its
 * buffer. Small ones are copied into blocks, each filled to its end.
 */
export class Pieces {
  readonly blocks: Uint8Array[] = [];
  size = 0;
  /** The memory of the blocks. */
  reserved = 0;
  /** Free bytes of the last block. */
  #left = 0;
  /** Bytes copied since the last chunk that was kept. */
  #copied = 0;

  /** The caller must not change a large chunk afterwards. A small one is copied, since parsers reuse such buffers. */
  add(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0 && !(this.#left === 0 && isLarge(rest))) rest = rest.subarray(this.#copy(rest));
    if (rest.length > 0) this.#keep(rest);
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    for (const [index, block] of this.blocks.entries()) {
      yield index === this.blocks.length - 1 ? block.subarray(0, block.length - this.#left) : block;
    }
  }

  #keep(piece: Uint8Array): void {
    this.blocks.push(piece);
    this.size += piece.length;
    this.reserved += piece.buffer.byteLength;
    this.#copied = 0;
  }

  /** @returns how many bytes found room in the last block */
  #copy(piece: Uint8Array): number {
    if (this.#left === 0) this.#grow();
    const block = this.blocks.at(-1) as Uint8Array;
    const part = piece.subarray(0, this.#left);
    block.set(part, block.length - this.#left);
    this.#left -= part.length;
    this.size += part.length;
    this.#copied += part.length;
    return part.length;
  }

  #grow(): void {
    const bytes = Math.min(Math.max(this.#copied, smallest), largest);
    this.blocks.push(new Uint8Array(bytes));
    this.#left = bytes;
    this.reserved += bytes;
  }
}
