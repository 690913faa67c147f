import { startTimer } from "./start-timer.ts";
import { untilAborted } from "./until-aborted.ts";

export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = () => {};
  const slept = new Promise<void>((resolve) => {
    stop = startTimer(ms, resolve);
  });
  return untilAborted(slept, signal).finally(() => stop());
}
