const mostBytes = 4 * 1024 * 1024;
const withinMs = 1_000;

/**
 * Reads what a refusal left of a small body. Deno 2.1 resets a connection whose request was not read to its end, and the
 * answer is lost with it.
 */
export async function readRest(request: Request): Promise<void> {
  if (request.body === null || request.bodyUsed || request.body.locked) return;
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
    // Whoever sends it has gone.
  } finally {
    clearTimeout(timer);
  }
}
