/** With a longer time setTimeout fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** Runs `act` after any number of milliseconds; never for Infinity. @returns a function that stops the timer */
export function startTimer(ms: number, act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (leftMs: number) => {
    const stepMs = Math.min(leftMs, longestTimerMs);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : act()), stepMs);
  };
  if (ms !== Number.POSITIVE_INFINITY) wait(ms);
  return () => clearTimeout(timer);
}

/** @throws TypeError unless it is a positive number or Infinity */
export function assertTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0))
    throw new TypeError("timeoutMs must be a number of milliseconds above 0, or Infinity for no limit.");
}
