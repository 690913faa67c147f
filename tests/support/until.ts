import { inspect } from "node:util";

type Truthy<T> = Exclude<T, undefined | null | false>;

/** Asks every 50 ms until the answer satisfies `isDone`, and returns it. After the time it throws the last answer. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  isDone: (answer: T) => unknown = Boolean,
  withinMs = 40_000,
): Promise<Truthy<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isDone(answer)) return answer as Truthy<T>;
    if (performance.now() > deadline)
      throw new Error(`Not within ${withinMs / 1000} s: ${what}. The last answer: ${inspect(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
