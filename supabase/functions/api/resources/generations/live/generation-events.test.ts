import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../../errors.ts";
import { GenerationWatch } from "../answer/generation-watch.ts";
import type { GenerationRow } from "../store.ts";
import { beatMs, generationEvents, positionOf, type StreamEvent } from "./generation-events.ts";
import { type Progress, readProgress } from "./progress.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const created_at = "2026-11-24T09:00:00.000000Z";
const processing_at = "2026-11-24T09:00:02.000000Z";
const output = { path: "p", content_type: "image/png", bytes: 1, width: 1, height: 1 };
const rowAs = (status: GenerationRow["status"]): GenerationRow => {
  const isFinal = status !== "pending" && status !== "processing";
  return {
    id: "g1",
    status,
    instructions: "A lighthouse",
    model: "a/b",
    example_images: [],
    outputs: status === "completed" ? [output] : [],
    is_public: false,
    link_version: 1,
    error: status === "failed" ? "It failed." : null,
    error_code: status === "failed" ? "prediction_failed" : null,
    charged: status !== "failed",
    created_at,
    updated_at: "2026-11-24T09:00:09.000000Z",
    completed_at: isFinal ? "2026-11-24T09:00:09.000000Z" : null,
  };
};

/** A generation that a test changes, and all events of its stream. */
function follow(status: GenerationRow["status"], lastEventId?: string) {
  const world = {
    status: status as GenerationRow["status"] | "deleted",
    wasProcessing: status !== "pending",
    logs: "",
    refusal: undefined as ApiError | undefined,
    reads: 0,
    looks: 0,
  };
  const over = new AbortController();
  const sent: StreamEvent[] = [];
  const processingAt = () => (world.wasProcessing ? processing_at : null);
  const watch = new GenerationWatch(async () => {
    world.looks++;
    if (world.status === "deleted") return [];
    return [{ id: "g1", status: world.status, prediction_id: "p1", processing_at: processingAt() }];
  });
  const events = generationEvents({
    row: rowAs(status),
    from: positionOf(lastEventId),
    watch,
    read: async () => {
      world.reads++;
      if (world.refusal !== undefined) throw world.refusal;
      if (world.status === "deleted") throw new ApiError("generation_not_found");
      return rowAs(world.status);
    },
    processingAt: async () => processingAt(),
    progressOf: (): Progress | null => readProgress(world.logs),
    signal: over.signal,
  });
  const state = { ended: false };
  void (async () => {
    for await (const event of events) sent.push(event);
    state.ended = true;
  })();
  const words = () =>
    sent.map((one) => {
      if (one.event === "status") return `${one.id} ${one.row.status}`;
      if (one.event === "progress") return `${one.id} ${one.progress.percent}%`;
      return one.event === "problem" ? one.error.code : one.event;
    });
  return { world, over, sent, state, words };
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("a stream sends every state once and in order, and ends with the final state", async () => {
  const { world, state, words } = follow("pending");
  await pass(5_000);
  expect(words()).toEqual(["1 pending"]);
  Object.assign(world, { status: "processing", wasProcessing: true });
  await pass(3_000);
  expect(state.ended).toBe(false);
  world.status = "completed";
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "2 processing", "3 completed"]);
  expect(state.ended).toBe(true);
});

test("a stream also sends a state that passed between two queries, with the fields of that time", async () => {
  const { world, sent, words } = follow("pending");
  await pass(100);
  Object.assign(world, { status: "failed", wasProcessing: true });
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "2 processing", "3 failed"]);
  expect(sent).toMatchObject([
    { row: { completed_at: null, charged: true } },
    { row: { updated_at: processing_at, completed_at: null, error: null, error_code: null, charged: true } },
    { row: { error_code: "prediction_failed", charged: false } },
  ]);
});

test.each<[status: GenerationRow["status"], lastEventId: string | undefined, expected: string[]]>([
  ["completed", undefined, ["1 pending", "2 processing", "3 completed"]],
  ["completed", "1", ["2 processing", "3 completed"]],
  ["completed", "2", ["3 completed"]],
  ["canceled", "2.118", ["3 canceled"]],
  ["completed", "3", []],
  ["completed", "a lie", ["1 pending", "2 processing", "3 completed"]],
  ["completed", "4", ["1 pending", "2 processing", "3 completed"]],
  ["completed", "2.9999999999", ["1 pending", "2 processing", "3 completed"]],
])(
  "for a generation that is %s and Last-Event-ID %j a stream sends %j at once",
  async (status, lastEventId, expected) => {
    const { state, words } = follow(status, lastEventId);
    await pass(0);
    expect(words()).toEqual(expected);
    expect(state.ended).toBe(true);
  },
);

test("a stream of a generation that was canceled before it ran sends no `processing`", async () => {
  const { world, words } = follow("pending");
  await pass(100);
  world.status = "canceled";
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "3 canceled"]);
});

test("a Last-Event-ID ahead of the generation restarts the stream from its beginning", async () => {
  const { words } = follow("processing", "3");
  await pass(0);
  expect(words()).toEqual(["1 pending", "2 processing"]);
});

test("a stream sends progress when the log grows, and does not repeat it after a reconnect", async () => {
  const { world, words } = follow("processing", "2");
  world.logs = "10%\n";
  await pass(1_000);
  await pass(5_000);
  world.logs += "20%\n";
  await pass(1_000);
  expect(words()).toEqual(["2.4 10%", "2.8 20%"]);
  const later = follow("processing", "2.4");
  later.world.logs = world.logs;
  await pass(3_000);
  expect(later.words()).toEqual(["2.8 20%"]);
  expect(world.reads).toBe(0);
});

test("a stream sends a comment and checks the credentials every fifteen seconds, also between progress events", async () => {
  const { world, words } = follow("processing", "2");
  for (let second = 0; second < 31; second++) {
    world.logs += ".\n";
    await pass(1_000);
  }
  expect(words().filter((word) => word === "beat")).toHaveLength(Math.floor(31_000 / beatMs));
  expect(world.reads).toBe(2);
});

test.each(["invalid_token", "api_key_revoked", "account_deactivated"] as const)(
  "a stream ends with %s before its next event when the credentials become invalid",
  async (code) => {
    const { world, state, words } = follow("pending");
    await pass(0);
    world.refusal = new ApiError(code);
    await pass(beatMs);
    expect(words()).toEqual(["1 pending", "beat", code]);
    expect(state.ended).toBe(true);
    const other = follow("processing", "2");
    other.world.refusal = new ApiError(code);
    other.world.status = "completed";
    await pass(1_000);
    expect(other.words()).toEqual([code]);
  },
);

test("a stream ends with generation_not_found when its generation is deleted", async () => {
  const { world, state, words } = follow("pending");
  await pass(0);
  world.status = "deleted";
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "generation_not_found"]);
  expect(state.ended).toBe(true);
});

test("an outage of the database ends the stream without an error event, so that the client reconnects", async () => {
  const { world, state, words } = follow("pending");
  world.refusal = new ApiError("database_unavailable");
  await pass(beatMs);
  expect(words()).toEqual(["1 pending", "beat"]);
  expect(state.ended).toBe(true);
});

test("a stream that is aborted ends, and causes no more queries", async () => {
  const { world, over, state } = follow("pending");
  await pass(3_500);
  over.abort();
  await pass(0);
  expect(state.ended).toBe(true);
  const { looks } = world;
  await pass(10_000);
  expect(world.looks - looks).toBeLessThanOrEqual(1);
});
