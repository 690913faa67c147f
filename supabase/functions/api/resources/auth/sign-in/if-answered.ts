import type { Deps } from "../../../context.ts";

/**
 * Returns Auth's answer about a password or code that was counted as an attempt. Without an answer the attempt is uncounted, since
 * an outage must not use up attempts, and a guesser learns nothing from it.
 */
export async function ifAnswered<T>(
  { log }: Deps,
  asked: Promise<T>,
  takeBack: () => Promise<unknown>,
): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    await takeBack().catch((cause) => log("warn", "an attempt without an answer stays counted", { cause }));
    throw error;
  }
}
