import { ApiError } from "../errors.ts";
import { within } from "../within.ts";

/** The slowest allowed arrival of a body. */
export type Pace = {
  /** The longest time without a byte. */
  idleMs: number;
  /** The time that a sender may fall behind the rate, for example on a poor connection. */
  graceMs: number;
  /** The least rate. It is read again for each chunk, since it rises while others wait. */
  bytesPerSecond: () => number;
};

/** Even a phone on a poor connection sends faster. */
export const leastBytesPerSecond = 8 * 1024;
export const usualPace: Pace = { idleMs: 10_000, graceMs: 15_000, bytesPerSecond: () => leastBytesPerSecond };

/**
 * The body of a request while it arrives fast enough. Only the sender's time counts, not the reader's. Bytes that arrive early do
 * not compensate for more than the grace.
 * @throws ApiError body_timeout
 */
export async function* steadyBody(request: Request, pace = usualPace): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  let credit = pace.graceMs;
  try {
    for (;;) {
      const asked = Date.now();
      const { done, value } = await within(
        Math.min(pace.idleMs, Math.max(credit, 1)),
        reader.read(),
        tooSlow,
      );
      if (done) return;
      const earned = (value.byteLength / pace.bytesPerSecond()) * 1000;
      credit = Math.min(pace.graceMs, credit - (Date.now() - asked) + earned);
      if (credit < 0) throw tooSlow();
      yield value;
    }
  } finally {
    // The rest stays readable, since a server of Deno 2.1 must read it (read-rest.ts).
    reader.releaseLock();
  }
}

const tooSlow = () => new ApiError("body_timeout");
