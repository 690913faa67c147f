import { ApiError, type Client, type GenerationEvent } from "@devkit4ai/client";
import type { NextRequest } from "next/server";
import { asPerson } from "../../../../lib/client.ts";

/**
 * Below the minute after which the API ends a stream. The browser then asks anew, and that request can save a renewed session:
 * cookies cannot be set once the answer has begun.
 */
const timeoutMs = 50_000;

/** Passes the events of a generation on to the browser, which holds no token and no key. */
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
    // Such as 404 for a picture of somebody else. A redirect of Next.js goes on its way.
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
        // Out of time, or the connection broke: the browser asks again.
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
