/** As much as the largest form has. */
const mostBytes = 52 * 1024 * 1024;
const withinMs = 1_000;

/**
 * Reads the rest of a body after a refusal. Deno 2.1 resets a connection whose request was not read completely, and then
 * the answer is lost.
 */
export async function readRest(request: Request): Promise<void> {
  if (request.body === null || request.body.locked) return;
  const reader = request.body.getReader();
  const timer = setTimeout(() => reader.cancel().catch(() => {}), withinMs);
  try {
    for (let left = mostBytes; left > 0; ) {
      const { done, value } = await reader.read();
      if (done) return;
      left -= value.byteLength;
    }
    await reader.cancel();
  } catch {
    // The sender has disconnected.
  } finally {
    clearTimeout(timer);
  }
}
