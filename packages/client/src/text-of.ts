import { ConnectionError, TimeoutError } from "./errors.ts";
import { startTimer } from "./start-timer.ts";
import { untilAborted } from "./until-aborted.ts";

/**
 * The text of a body. Each chunk must arrive within `patienceMs()`. A reader who stops closes the connection.
 * @throws TimeoutError after a longer silence; ConnectionError when the connection breaks
 */
export async function* textOf(
  body: ReadableStream<Uint8Array>,
  patienceMs: () => number,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await within(patienceMs(), untilAborted(reader.read(), signal));
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ConnectionError) throw error;
    throw new ConnectionError("The connection broke while the server was sending events.");
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let stop = () => {};
  const late = new Promise<never>((_, reject) => {
    stop = startTimer(ms, () => reject(new TimeoutError(`The server sent nothing for ${ms} ms.`)));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    stop();
  }
}
