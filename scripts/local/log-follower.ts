import { closeSync, ftruncateSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const everyMs = 200;
const pieceBytes = 256 * 1024;

/**
 * Passes on what a part appends to its log, line by line, from now on. Truncates the log above `max_bytes`, so that it cannot
 * fill the disk.
 */
export class LogFollower {
  readonly #path: string;
  readonly #max_bytes: number;
  readonly #tell: (line: string) => void;
  readonly #ending = new AbortController();
  #at: number;
  #rest = "";

  constructor(path: string, tell: (line: string) => void, maxBytes = 50_000_000) {
    this.#path = path;
    this.#tell = tell;
    this.#max_bytes = maxBytes;
    this.#at = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    void this.#follow();
  }

  /** Passes on the rest and ends. */
  stop(): void {
    this.#ending.abort();
    this.look();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.look();
      await delay(everyMs, undefined, { ref: false, signal }).catch(() => {});
    }
  }

  look(): void {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
    // Its part began it anew.
    if (size < this.#at) this.#at = 0;
    if (size === this.#at) return;
    const file = openSync(this.#path, "r+");
    try {
      const piece = Buffer.alloc(pieceBytes);
      for (;;) {
        const count = readSync(file, piece, 0, pieceBytes, this.#at);
        if (count === 0) break;
        this.#at += count;
        this.#take(piece.toString("utf8", 0, count));
      }
      if (this.#at > this.#max_bytes) {
        ftruncateSync(file, 0);
        this.#at = 0;
      }
    } finally {
      closeSync(file);
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") this.#tell(line);
  }
}
