import { within } from "./within.ts";

/** As much as the largest form has. */
const mostBytes = 52 * 1024 * 1024;
const withinMs = 10_000;
/** A sender may wait for the refusal before it sends more. */
const idleMs = 3_000;

/**
 * Reads the rest of a body before the answer is sent. Deno 2.1 resets a connection whose request was not read completely,
 * and then the answer is lost.
 */
export async function readRest(request: Request): Promise<void> {
  if (request.body === null || request.body.locked) return;
  const reader = request.body.getReader();
  const deadline = Date.now() + withinMs;
  try {
    for (let left = mostBytes; left > 0 && Date.now() < deadline; ) {
      const { done, value } = await within(idleMs, reader.read(), () => new Error("no byte arrived"));
      if (done) return;
      left -= value.byteLength;
    }
  } catch {
    // The sender has disconnected or sends no more.
  }
  reader.cancel().catch(() => {});
}
