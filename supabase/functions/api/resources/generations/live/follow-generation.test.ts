import { Hono } from "hono";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AppEnv, Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import type { GenerationRow } from "../store.ts";
import { followGeneration } from "./follow-generation.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const row = (status: GenerationRow["status"]) =>
  ({ id: "g1", status, outputs: [], example_images: [], created_at: "2026-11-24T09:00:00.000000Z" }) as never;

/** The endpoint with a database of one generation, for one caller. */
function serve(status: GenerationRow["status"] = "processing") {
  const work: Promise<unknown>[] = [];
  const world = {
    status,
    states: async (): Promise<unknown> => [{ id: "g1", status: world.status, prediction_id: null }],
  };
  const ofProcess = { read: () => world.states() };
  const deps = {
    env: { public_url: "https://api.test" },
    database: { ...ofProcess, ofProcess },
    replicate: { configured: false },
    background: (promise: Promise<unknown>) => void work.push(promise),
  } as unknown as Deps;
  const app = new Hono<AppEnv>();
  app.onError((error, c) => c.text((error as ApiError).code, (error as ApiError).status));
  app.get("/", (c) => {
    c.set("deps", deps);
    c.set("credentials", { user_id: "u1" });
    return followGeneration(c, c.req.header("last-event-id"), async () => row(world.status));
  });
  const open = (init?: RequestInit) => app.request("/", init);
  return { world, work, open };
}

test("a stream ends after a minute, and asks the client to reconnect after a second", async () => {
  const { open } = serve();
  const text = (await open()).text();
  await vi.advanceTimersByTimeAsync(60_000);
  const [first, ...events] = (await text).split("\n\n");
  expect(first).toBe("retry: 1000");
  expect(events.filter((event) => event === ":").length).toBeGreaterThanOrEqual(3);
  expect(events.filter((event) => event.startsWith("event:"))).toHaveLength(2);
});

test.each<[string, (answer: Response) => unknown]>([
  ["that nobody reads ends after a minute and", () => vi.advanceTimersByTimeAsync(60_000)],
  ["whose reader disconnects", (answer) => answer.body?.cancel()],
])("a stream %s frees its place for another stream", async (_, leave) => {
  const { work, open } = serve();
  const answers = await Promise.all(Array.from({ length: 10 }, () => open()));
  expect((await open()).status).toBe(429);
  for (const answer of answers) await leave(answer);
  expect((await open()).status).toBe(200);
  // The platform keeps the instance until the streams have ended.
  await Promise.all(work.slice(0, 10));
});

test("a caller who disconnects before the first byte frees the place of the stream", async () => {
  const { open } = serve();
  const controllers = Array.from({ length: 10 }, () => new AbortController());
  await Promise.all(controllers.map(({ signal }) => open({ signal })));
  expect((await open()).status).toBe(429);
  for (const controller of controllers) controller.abort();
  expect((await open()).status).toBe(200);
});

test("a stream that begins while the database fails ends, and frees its place", async () => {
  const { world, open } = serve("completed");
  const states = world.states;
  world.states = () => Promise.reject(new ApiError("database_unavailable"));
  for (let time = 0; time < 12; time++) {
    const answer = await open();
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
  }
  world.states = states;
  expect(await (await open()).text()).toContain("id: 3");
});

test("a client that has received the last event gets 204, and HEAD opens no stream", async () => {
  const { open } = serve("completed");
  expect((await open({ headers: { "Last-Event-ID": "3" } })).status).toBe(204);
  const running = serve();
  for (let time = 0; time < 12; time++) expect((await running.open({ method: "HEAD" })).status).toBe(200);
});
