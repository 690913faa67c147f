/** Settles with the promise, or rejects with the signal's reason when it aborts first. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}

const followers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `act` when the signal aborts, or at once if it has aborted. @returns a function that removes the callback
 * All calls of one signal share one listener, since Node warns about a leak at eleven.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  let acts = followers.get(signal);
  if (acts === undefined) {
    const added = new Set<() => void>();
    signal.addEventListener("abort", () => added.forEach((each) => void each()), { once: true });
    followers.set(signal, added);
    acts = added;
  }
  const all = acts.add(act);
  return () => void all.delete(act);
}
