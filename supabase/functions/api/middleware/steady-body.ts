import { ApiError } from "../errors.ts";

/** Slower than this is no phone on a bad line: a body that trickles in would hold memory that others wait for. */
const usual = { idleMs: 10_000, graceMs: 15_000, bytesPerSecond: 8 * 1024 };

/** What hosted Supabase gives a request. */
const requestSeconds = 150;

/** For a body whose room in memory others wait for: whoever takes much has to send so fast that it is over in that time. */
export const limitsFor = (heldBytes: number) => ({
  ...usual,
  bytesPerSecond: Math.max(usual.bytesPerSecond, heldBytes / requestSeconds),
});

/**
 * The body of a request, as long as it keeps coming.
 * @throws ApiError body_timeout, while it is read, when nothing came for `idleMs` or less than the rate after `graceMs`.
 */
export async function* steadyBody(request: Request, limits = usual): AsyncGenerator<Uint8Array> {
  if (request.body === null) return;
  const reader = request.body.getReader();
  const start = Date.now();
  let received = 0;
  try {
    for (;;) {
      const { done, value } = await within(limits.idleMs, reader.read());
      if (done) return;
      received += value.byteLength;
      const elapsed = Date.now() - start;
      if (elapsed > limits.graceMs && received < (limits.bytesPerSecond * elapsed) / 1000) throw tooSlow();
      yield value;
    }
  } finally {
    // Whoever stops reading early has no use for the rest.
    reader.cancel().catch(() => {});
  }
}

/** The same request with its body read that way, for those who want a whole request. */
export function withSteadyBody(request: Request, limits = usual): Request {
  const chunks = steadyBody(request, limits);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => chunks.return(undefined).then(() => {}),
  });
  const init = { method: request.method, headers: request.headers, body, duplex: "half" };
  return new Request(request.url, init);
}

const tooSlow = () => new ApiError("body_timeout");

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
