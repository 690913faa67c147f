/** There was no answer in time. */
export class DeadlineError extends Error {
  constructor(deadlineMs: number) {
    super(`no answer in ${deadlineMs} ms`);
  }
}

/** Calls `pass` after the time. @returns a function that ends the deadline */
export type StartDeadline = (ms: number, pass: () => void) => () => void;

type Deadline = { at: number; pass: () => void };

/**
 * Deadlines that share one timer, which is set to the earliest. A timer for each query took a twentieth of the time of a read.
 * Without open deadlines there is no timer.
 */
export function createDeadlines(): StartDeadline {
  const underWay = new Set<Deadline>();
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
    for (const deadline of underWay) {
      if (deadline.at > now) continue;
      underWay.delete(deadline);
      deadline.pass();
    }
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of underWay) next = Math.min(next, at);
    lookAt(next);
  }

  return function startDeadline(ms, pass) {
    const deadline = { at: performance.now() + ms, pass };
    underWay.add(deadline);
    lookAt(deadline.at);
    return () => underWay.delete(deadline);
  };
}
