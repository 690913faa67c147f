import { BoundedMap } from "../../../bounded-map.ts";
import type { ReplicateClient } from "../../../clients/replicate.ts";
import { type Progress, readProgress } from "./progress.ts";

const everyMs = 2_000;
const maxReads = 5;
/** As many as may be followed at once. */
const maxKnown = 1_000;

type Known = { progress: Progress | null; readAt: number };

/**
 * Reads the logs of predictions that somebody follows, in the background: each at most every two seconds, five at a time, and
 * none that nobody asks for. Progress is kept in memory alone, since it is worth nothing once the prediction has ended.
 */
export class ProgressReader {
  readonly #read: (predictionId: string) => Promise<string | null>;
  readonly #known = new BoundedMap<string, Known>(maxKnown);
  #reading = 0;

  constructor(read: (predictionId: string) => Promise<string | null>) {
    this.#read = read;
  }

  /** What is known now. Asking for it again is what keeps it fresh. */
  of(predictionId: string, now = Date.now()): Progress | null {
    let known = this.#known.get(predictionId);
    if (known === undefined) {
      known = { progress: null, readAt: 0 };
      this.#known.set(predictionId, known);
    }
    if (now - known.readAt >= everyMs && this.#reading < maxReads)
      void this.#refresh(predictionId, known, now);
    return known.progress;
  }

  async #refresh(predictionId: string, known: Known, now: number): Promise<void> {
    known.readAt = now;
    this.#reading++;
    try {
      const logs = await this.#read(predictionId);
      if (logs !== null) known.progress = readProgress(logs);
    } catch {
      // Nothing depends on it: whoever follows hears the state from the database.
    } finally {
      this.#reading--;
    }
  }
}

const readers = new WeakMap<ReplicateClient, ProgressReader>();

/** The one of this isolate. */
export function progressOf(replicate: ReplicateClient): ProgressReader {
  let reader = readers.get(replicate);
  if (reader === undefined) {
    reader = new ProgressReader((id) => (replicate.configured ? replicate.logs(id) : Promise.resolve(null)));
    readers.set(replicate, reader);
  }
  return reader;
}
