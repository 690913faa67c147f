/** What is needed of a query of postgres.js; `state` is null until the query is written to a connection. */
export type Query<T> = PromiseLike<T> & { cancel(): unknown; readonly state?: unknown };
/** The driver reads these when it writes the query. */
type Unwritten = { strings: string[]; args: unknown[] };

/** postgres.js can leave a query with a connection that never opens; what was not written by then is sent anew. */
const resendAfterMs = 1_000;

const wasWritten = (query: Query<unknown>) => query.state !== null;

/**
 * Ends what is under way, and makes of what was not written yet a query that does nothing, so that sending it again cannot do it
 * twice. To cancel that one would lose the connection that waits to begin with it: postgres.js never uses it again.
 */
function abandon(query: Query<unknown>): void {
  if (wasWritten(query)) query.cancel();
  else Object.assign(query, { strings: ["select"], args: [] } satisfies Unwritten);
}

/** Reason of a rejection: there was no answer in time, and the query was canceled. */
export class DeadlineError extends Error {
  constructor(deadlineMs: number) {
    super(`no answer in ${deadlineMs} ms`);
  }
}

type Watched = { nextLookAt: number; look: (now: number) => void };

/**
 * Puts a deadline around queries. All that are under way share one timer, set to the first moment at which one of them needs a
 * look: two timers for each query took a tenth of the time of a read. With nothing under way, no timer is left.
 */
export function createQueryWatch() {
  const underWay = new Set<Watched>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  function lookAt(moment: number): void {
    if (moment >= timerAt) return;
    clearTimeout(timer);
    timerAt = moment;
    timer = setTimeout(lookAtAll, Math.max(0, moment - performance.now()));
  }

  function lookAtAll(): void {
    timerAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const watched of underWay) if (watched.nextLookAt <= now) watched.look(now);
    let next = Number.POSITIVE_INFINITY;
    for (const { nextLookAt } of underWay) next = Math.min(next, nextLookAt);
    lookAt(next);
  }

  /** What the query answers. @throws what it throws, or DeadlineError. */
  return function watch<T>(send: () => Query<T>, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = performance.now();
      const deadlineAt = start + deadlineMs;
      const resendAt = start + resendAfterMs;
      let query = send();
      const follow = (sent: Query<T>) =>
        sent.then(
          (rows) => sent === query && end(() => resolve(rows)),
          (error) => sent === query && end(() => reject(error)),
        );
      const watched: Watched = {
        nextLookAt: Math.min(resendAt, deadlineAt),
        look(now) {
          if (now >= deadlineAt) {
            end(() => reject(new DeadlineError(deadlineMs)));
            abandon(query);
            return;
          }
          watched.nextLookAt = deadlineAt;
          if (wasWritten(query)) return;
          const lost = query;
          query = send();
          follow(query);
          abandon(lost);
        },
      };
      const end = (settle: () => void) => {
        underWay.delete(watched);
        settle();
      };
      underWay.add(watched);
      lookAt(watched.nextLookAt);
      follow(query);
    });
  };
}
