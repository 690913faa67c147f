import type { Deps } from "../../../context.ts";

/**
 * What Auth says of a password or a code that was counted as an attempt. Where it says nothing the attempt is taken back: an
 * outage must use up nobody's, and whoever guesses learns nothing from it.
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
