import { ApiError, type Client, type GenerationEvent } from "@devkit4ai/client";
import type { NextRequest } from "next/server";
import { asPerson } from "../../../../lib/client.ts";

/** Shorter than the minute after which the API ends a stream. The browser then sends a new request, which can store a refreshed session. Cookies cannot be set after the answer has begun.
 */
const timeoutMs = 50_000;

/** Forwards the events of a generation to the browser, which has no token and no key. */
export async function GET(request: NextRequest, { params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  const open = async (client: Client) => {
    const lastEventId = request.headers.get("Last-Event-ID") ?? undefined;
    const events = client.generations.stream(id, { lastEventId, timeoutMs, signal: request.signal });
    return { events, first: await events.next() };
  };
  try {
    const { events, first } = await asPerson(open);
    return respond(events, first);
  } catch (error) {
    // For example 404 for another user's picture. A redirect of Next.js is thrown again.
    if (error instanceof ApiError) return new Response(error.detail, { status: error.status });
    throw error;
  }
}

function respond(
  events: AsyncGenerator<GenerationEvent, void, undefined>,
  first: IteratorResult<GenerationEvent, void>,
): Response {
  let next = first;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        if (next.done) return controller.close();
        controller.enqueue(lines(next.value));
        next = await events.next();
      } catch {
        // The time is over, or the connection broke. The browser reconnects.
        controller.close();
      }
    },
    async cancel() {
      await events.return();
    },
  });
  return new Response(body, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}

const encoder = new TextEncoder();
const lines = ({ id, type, ...data }: GenerationEvent) =>
  encoder.encode(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
