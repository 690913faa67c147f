import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type ReplicateServer, startReplicate } from "../../scripts/local/replicate/server.ts";

vi.setConfig({ testTimeout: 20_000 });

const headers = { authorization: "Bearer token", Prefer: "wait" };
let replicate: ReplicateServer;

beforeAll(async () => {
  const webhookSecret = "whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQ=";
  replicate = await startReplicate({ token: "token", webhookSecret, predictionMs: 10 });
});

afterEach(() => replicate.faults.clear());

afterAll(() => replicate.close());

function create(prompt: string): Promise<Response> {
  const body = JSON.stringify({ input: { prompt, width: 64, height: 64 } });
  return fetch(`${replicate.url}/v1/models/google/nano-banana/predictions`, {
    method: "POST",
    headers,
    body,
  });
}

const made = async (prompt: string) => (await create(prompt)).json();
const read = (id: string) => fetch(`${replicate.url}/v1/predictions/${id}`, { headers });

test("the faults `file_gone`, `file_not_image` and `file_huge` each break one download of a file", async () => {
  const { output } = await made("gallery");
  replicate.faults.add({ match: "gallery", times: 1, fault: { kind: "file_gone" } });
  expect((await fetch(output)).status).toBe(404);
  replicate.faults.add({ match: "gallery", times: 1, fault: { kind: "file_not_image" } });
  expect(await (await fetch(output)).text()).toContain("<!doctype html>");
  replicate.faults.add({ match: "gallery", times: 1, fault: { kind: "file_huge", bytes: 3_000_000 } });
  expect((await (await fetch(output)).arrayBuffer()).byteLength).toBe(3_000_000);
  expect((await fetch(output)).headers.get("content-type")).toBe("image/png");
});

test("the fault `wrong_get` breaks the given number of reads", async () => {
  const { id } = await made("unreadable");
  replicate.faults.add({ match: "unreadable", times: 2, fault: { kind: "wrong_get" } });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await read(id)).status);
  expect(statuses).toEqual([500, 500, 200]);
  const calls = await (await fetch(`${replicate.url}/_calls?match=${id}`)).json();
  expect(calls.filter((c: { call: string }) => c.call === "get")).toHaveLength(3);
});

test("a directive in a prompt has the effect of a fault rule", async () => {
  expect((await create("[[refuse 429]]")).status).toBe(429);
  expect((await made("[[fail out of paint]]")).error).toBe("out of paint");
  expect((await made("[[nsfw]]")).status).toBe("failed");
  const { id, output } = await made("[[wrong_get 1]] [[file_gone]]");
  expect([(await read(id)).status, (await read(id)).status]).toEqual([500, 200]);
  expect((await fetch(output)).status).toBe(404);
  expect((await made("[[no such thing]]")).status).toBe("succeeded");
});

test("a wrong fault rule is a 422, and a web page cannot add a rule", async () => {
  const url = `${replicate.url}/_faults`;
  const wrong = await fetch(url, { method: "POST", body: JSON.stringify({ fault: { kind: "explode" } }) });
  expect(wrong.status).toBe(422);
  const foreign = await fetch(url, {
    method: "POST",
    headers: { origin: "https://example.com" },
    body: JSON.stringify({ fault: { kind: "reset" } }),
  });
  expect(foreign.status).toBe(403);
  expect(await (await fetch(url)).json()).toEqual([]);
});
