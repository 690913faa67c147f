/** setTimeout fires at once for more. */
const longestTimerMs = 2 ** 31 - 1;

/** Runs `act` after so many milliseconds, however many; never for Infinity. Returns a function that ends this. */
export function startTimer(ms: number, act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (leftMs: number) => {
    const stepMs = Math.min(leftMs, longestTimerMs);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : act()), stepMs);
  };
  if (ms !== Number.POSITIVE_INFINITY) wait(ms);
  return () => clearTimeout(timer);
}

/** @throws TypeError unless it is a time to wait, or Infinity for no limit */
export function assertTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0))
    throw new TypeError("timeoutMs must be a number of milliseconds above 0, or Infinity for no limit.");
}
