import { ApiError } from "../errors.ts";
import { within } from "../within.ts";

/** How slowly a body may come. */
export type Pace = {
  /** At most so long without a byte. */
  idleMs: number;
  /** What a sender may fall behind the rate: a pause, a bad line. */
  graceMs: number;
  /** Asked for again at each byte: it may rise while others wait. */
  bytesPerSecond: () => number;
};

/** Even a phone on a poor connection sends faster. */
export const leastBytesPerSecond = 8 * 1024;
export const usualPace: Pace = { idleMs: 10_000, graceMs: 15_000, bytesPerSecond: () => leastBytesPerSecond };

/**
 * The body of a request, as long as it keeps coming. Only the time that the sender takes counts, not that of whoever reads; and
 * bytes that came fast once are no credit for longer than the grace.
 * @throws ApiError body_timeout, while it is read.
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
    // Whoever stops reading early has no use for the rest.
    reader.cancel().catch(() => {});
  }
}

const tooSlow = () => new ApiError("body_timeout");
