import { Hono } from "hono";
import { expect, test, vi } from "vitest";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { ApiError } from "../errors.ts";
import { countKeyUsage } from "./count-key-usage.ts";
import type { KeyUse } from "./store.ts";

const hash = (n: number) => n.toString(16).padStart(64, "0");

function appWith(call: (batch: KeyUse[]) => Promise<void>) {
  const work: Promise<unknown>[] = [];
  const deps = {
    database: { write: (_name: string, [batch]: [KeyUse[]]) => call(batch) },
    background: (promise: Promise<unknown>) => work.push(promise.catch(() => {})),
  } as unknown as Deps;
  const app = new Hono<AppEnv>();
  app.onError((_error, c) => c.text("refused", 403));
  app.use(async (c, next) => {
    c.set("deps", deps);
    const sent = c.req.header("x-credentials");
    if (sent !== undefined) c.set("credentials", JSON.parse(sent) as Credentials);
    await next();
  });
  app.use(countKeyUsage(1_000));
  app.get("/ok", (c) => c.text("ok"));
  app.get("/refused", () => {
    throw new ApiError("api_key_revoked");
  });
  const request = (path: string, credentials?: Credentials) =>
    app.request(path, credentials ? { headers: { "x-credentials": JSON.stringify(credentials) } } : {});
  return { request, work };
}

test("a thousand requests cause one write with the requests and errors of each key", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const batches: KeyUse[][] = [];
  const { request, work } = appWith(async (batch) => void batches.push(batch));
  const both = { api_key_hash: hash(1), developer_key_hash: hash(2) };
  await Promise.all(Array.from({ length: 900 }, () => request("/ok", both)));
  await Promise.all(Array.from({ length: 100 }, () => request("/refused", { api_key_hash: hash(1) })));
  await request("/ok");
  expect(batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(work);
  expect(batches).toHaveLength(1);
  expect(batches[0]).toMatchObject([
    { kind: "developer_key", key_hash: hash(2), requests: 900, errors: 0 },
    { kind: "api_key", key_hash: hash(1), requests: 1_000, errors: 100 },
  ]);
  vi.useRealTimers();
});

test("key counts that could not be written are added to the next batch", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const batches: KeyUse[][] = [];
  let isDown = true;
  const { request } = appWith(async (batch) => {
    if (isDown) throw new ApiError("database_unavailable");
    batches.push(batch);
  });
  await request("/ok", { operator_key_hash: hash(3) });
  await vi.advanceTimersByTimeAsync(1_000);
  isDown = false;
  await request("/ok", { operator_key_hash: hash(3) });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(batches).toMatchObject([[{ kind: "operator_key", requests: 2 }]]);
  vi.useRealTimers();
});

test("unknown keys take a bounded amount of memory: 5,000 of 5,200 are counted", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const batches: KeyUse[][] = [];
  const { request } = appWith(async (batch) => void batches.push(batch));
  for (let n = 0; n < 5_200; n++) await request("/refused", { api_key_hash: hash(n) });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(batches[0]).toHaveLength(5_000);
  vi.useRealTimers();
});
