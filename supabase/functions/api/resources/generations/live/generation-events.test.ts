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

/** A generation that a test moves on, and everything that a stream of it has told. */
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
  const told: StreamEvent[] = [];
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
    for await (const event of events) told.push(event);
    state.ended = true;
  })();
  const words = () =>
    told.map((one) => {
      if (one.event === "status") return `${one.id} ${one.row.status}`;
      if (one.event === "progress") return `${one.id} ${one.progress.percent}%`;
      return one.event === "problem" ? one.error.code : one.event;
    });
  return { world, over, told, state, words };
}
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("every state is told once and in order, and the final one ends the stream", async () => {
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

test("a state that was over before anybody looked is told as well, as the generation was then", async () => {
  const { world, told, words } = follow("pending");
  await pass(100);
  Object.assign(world, { status: "failed", wasProcessing: true });
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "2 processing", "3 failed"]);
  expect(told).toMatchObject([
    { row: { completed_at: null, charged: true } },
    { row: { updated_at: processing_at, completed_at: null, error: null, error_code: null, charged: true } },
    { row: { error_code: "prediction_failed", charged: false } },
  ]);
});

test.each<[status: GenerationRow["status"], lastEventId: string | undefined, told: string[]]>([
  ["completed", undefined, ["1 pending", "2 processing", "3 completed"]],
  ["completed", "1", ["2 processing", "3 completed"]],
  ["completed", "2", ["3 completed"]],
  ["canceled", "2.118", ["3 canceled"]],
  ["completed", "3", []],
  ["completed", "a lie", ["1 pending", "2 processing", "3 completed"]],
  ["completed", "4", ["1 pending", "2 processing", "3 completed"]],
  ["completed", "2.9999999999", ["1 pending", "2 processing", "3 completed"]],
])("of one that is %s, a follower who has heard %j is told %j at once", async (status, lastEventId, told) => {
  const { state, words } = follow(status, lastEventId);
  await pass(0);
  expect(words()).toEqual(told);
  expect(state.ended).toBe(true);
});

test("one that was canceled before it ran was never processing", async () => {
  const { world, words } = follow("pending");
  await pass(100);
  world.status = "canceled";
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "3 canceled"]);
});

test("an id that lies ahead of the generation begins anew", async () => {
  const { words } = follow("processing", "3");
  await pass(0);
  expect(words()).toEqual(["1 pending", "2 processing"]);
});

test("progress is told when the log grows, and not again to whoever has heard it", async () => {
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

test("a comment goes out every fifteen seconds, with progress in between too, and the credentials are checked as often", async () => {
  const { world, words } = follow("processing", "2");
  for (let second = 0; second < 31; second++) {
    world.logs += ".\n";
    await pass(1_000);
  }
  expect(words().filter((word) => word === "beat")).toHaveLength(Math.floor(31_000 / beatMs));
  expect(world.reads).toBe(2);
});

test.each(["invalid_token", "api_key_revoked", "account_deactivated"] as const)(
  "a stream ends with %s when that is so by now, before anything more is told",
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

test("a generation that is deleted ends its stream", async () => {
  const { world, state, words } = follow("pending");
  await pass(0);
  world.status = "deleted";
  await pass(1_000);
  expect(words()).toEqual(["1 pending", "generation_not_found"]);
  expect(state.ended).toBe(true);
});

test("an outage ends the stream without a word, so that the client comes again", async () => {
  const { world, state, words } = follow("pending");
  world.refusal = new ApiError("database_unavailable");
  await pass(beatMs);
  expect(words()).toEqual(["1 pending", "beat"]);
  expect(state.ended).toBe(true);
});

test("when the time is over the stream ends, and nobody looks any more", async () => {
  const { world, over, state } = follow("pending");
  await pass(3_500);
  over.abort();
  await pass(0);
  expect(state.ended).toBe(true);
  const { looks } = world;
  await pass(10_000);
  expect(world.looks - looks).toBeLessThanOrEqual(1);
});
