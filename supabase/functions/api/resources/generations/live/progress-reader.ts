import { BoundedMap } from "../../../bounded-map.ts";
import type { ReplicateClient } from "../../../clients/replicate.ts";
import { type Progress, readProgress } from "./progress.ts";

const everyMs = 2_000;
const maxReads = 5;
/** The most predictions whose progress is kept. */
const maxKnown = 1_000;

type Known = { progress: Progress | null; readAt: number };

/**
 * Reads the logs of followed predictions in the background: each at most once in two seconds, and five at a time. Progress is kept
 * only in memory, since it is useless after the prediction's end.
 */
export class ProgressReader {
  readonly #read: (predictionId: string) => Promise<string | null>;
  readonly #known = new BoundedMap<string, Known>(maxKnown);
  #reading = 0;

  constructor(read: (predictionId: string) => Promise<string | null>) {
    this.#read = read;
  }

  /** The known progress. The call also starts the next read when it is due. */
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
      // A failed read does no harm, since the states come from the database.
    } finally {
      this.#reading--;
    }
  }
}

const readers = new WeakMap<ReplicateClient, ProgressReader>();

/** The reader of this isolate. */
export function progressOf(replicate: ReplicateClient): ProgressReader {
  let reader = readers.get(replicate);
  if (reader === undefined) {
    reader = new ProgressReader((id) => (replicate.configured ? replicate.logs(id) : Promise.resolve(null)));
    readers.set(replicate, reader);
  }
  return reader;
}
