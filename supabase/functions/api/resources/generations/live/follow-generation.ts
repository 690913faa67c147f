import type { Context } from "hono";
import type { AppEnv } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { watchOf } from "../answer/generation-watch.ts";
import { presentGeneration } from "../answer/present-generation.ts";
import { waiterOf } from "../answer/wait-for-end.ts";
import { findGenerationStates, type GenerationRow } from "../store.ts";
import { generationEvents, hasHeardAll, positionOf, type StreamEvent } from "./generation-events.ts";
import { progressOf } from "./progress-reader.ts";

/** Half of an isolate's lifetime on the smallest plan, since the isolate may be old already. The client reconnects by itself. */
const streamMs = 60_000;
const retryMs = 1_000;
const fullSeconds = 5;
const headers = { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" };

/** Answers with the events of a generation after `Last-Event-ID`. The first `read` decides about errors, as for the status. */
export async function followGeneration(
  c: Context<AppEnv>,
  lastEventId: string | undefined,
  read: () => Promise<GenerationRow>,
) {
  const { background, database, replicate } = c.get("deps");
  const row = await read();
  const from = positionOf(lastEventId);
  // 204 tells an EventSource not to reconnect.
  if (hasHeardAll(from, row)) return c.body(null, 204);
  if (c.req.method === "HEAD") return c.body(null, 200, headers);
  const watch = watchOf(database);
  const leave = watch.enter(waiterOf(c.get("credentials")));
  if (leave === undefined) throw new ApiError("too_many_streams", { retryAfterSeconds: fullSeconds });

  const over = new AbortController();
  const end = () => over.abort();
  const timer = setTimeout(end, streamMs);
  over.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    leave();
  });
  c.req.raw.signal.addEventListener("abort", end);
  background(new Promise((resolve) => over.signal.addEventListener("abort", resolve)));
  const events = generationEvents({
    row,
    from,
    watch,
    read,
    processingAt: async () => (await findGenerationStates(database, [row.id]))[0]?.processing_at ?? null,
    progressOf: (predictionId) => progressOf(replicate).of(predictionId),
    signal: over.signal,
  });
  return c.body(toBody(written(c, events), end), 200, headers);
}

async function* written(c: Context<AppEnv>, events: AsyncGenerator<StreamEvent>): AsyncGenerator<string> {
  yield `retry: ${retryMs}\n\n`;
  for await (const event of events) yield write(c, event);
}

function write(c: Context<AppEnv>, told: StreamEvent): string {
  switch (told.event) {
    case "beat":
      return ":\n\n";
    case "status":
      return message(told.event, presentGeneration(c.get("deps").env, told.row), told.id);
    case "progress":
      return message(told.event, { percent: told.progress.percent, log: told.progress.log }, told.id);
    case "problem": {
      const { status, detail, code } = told.error;
      return message(told.event, { status, detail, code, request_id: c.get("requestId") });
    }
  }
}

const message = (event: string, data: object, id?: string) =>
  `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

/** A body that is produced as fast as it is read. `end` is called when the events end, fail, or lose their reader. */
function toBody(parts: AsyncGenerator<string>, end: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await parts.next().catch((error: unknown) => {
          end();
          throw error;
        });
        if (done !== true) return controller.enqueue(encoder.encode(value));
        end();
        controller.close();
      },
      cancel: end,
    },
    { highWaterMark: 0 },
  );
}
