import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Env } from "../env.ts";
import type { CopyFault } from "./fetch-file.ts";
import { createReplicateClient, isMadeFor, type Prediction } from "./replicate.ts";

const base = "https://api.replicate.test/v1";
const env = {
  replicate_api_url: base,
  replicate_api_token: "r8_secret",
  replicate_file_hosts: ["replicate.delivery"],
} as Env;
// Looked up at each call, since msw replaces it after this file is loaded.
const fetcher: typeof fetch = (input, init) => fetch(input, init);
const client = createReplicateClient(env, fetcher);
const model = "google/nano-banana";
const server = setupServer();
let seen: Request[] = [];

beforeAll(() => server.listen());
beforeEach(() => {
  seen = [];
});
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

function answer(resolve: () => Response | Promise<Response>): void {
  const record = async ({ request }: { request: Request }) => {
    // Read now: the body is a stream, which ends with the request.
    const { url, method, headers } = request;
    const body = method === "POST" ? await request.text() : null;
    seen.push(new Request(url, { method, headers, body }));
    return resolve();
  };
  server.use(http.all(`${base}/*`, record), http.all("https://replicate.delivery/*", record));
}

const create = () => client.create(model, { prompt: "A lighthouse" }, "https://api.example.com/hook");

describe("the one request that costs money", () => {
  test("names the model, the input, the webhook and the token", async () => {
    answer(() => HttpResponse.json({ id: "p1", status: "starting" }, { status: 201 }));
    expect(await create()).toEqual({ outcome: "accepted", prediction: { id: "p1", status: "starting" } });
    expect(seen[0]?.url).toBe(`${base}/models/${model}/predictions`);
    expect(seen[0]?.headers.get("authorization")).toBe("Bearer r8_secret");
    expect(await seen[0]?.json()).toEqual({
      input: { prompt: "A lighthouse" },
      webhook: "https://api.example.com/hook",
      webhook_events_filter: ["start", "completed"],
    });
  });

  test("a model with a version goes to the versions' address, without a webhook when there is none", async () => {
    answer(() => HttpResponse.json({ id: "p1", status: "starting" }, { status: 201 }));
    await client.create("someone/else:0123abcd", { prompt: "A lighthouse" }, undefined);
    expect(seen[0]?.url).toBe(`${base}/predictions`);
    expect(await seen[0]?.json()).toEqual({ version: "0123abcd", input: { prompt: "A lighthouse" } });
  });

  test.each<[string, () => Response, Record<string, unknown>]>([
    [
      "429 is refused, to be sent again after Retry-After",
      () => new HttpResponse(null, { status: 429, headers: { "Retry-After": "7" } }),
      { outcome: "refused", again: true, waitSeconds: 7 },
    ],
    [
      "429 without Retry-After waits 10 s",
      () => new HttpResponse(null, { status: 429 }),
      { outcome: "refused", again: true, waitSeconds: 10 },
    ],
    [
      "429 with a year to wait waits 10 minutes",
      () => new HttpResponse(null, { status: 429, headers: { "Retry-After": "31536000" } }),
      { outcome: "refused", again: true, waitSeconds: 600 },
    ],
    [
      "402 is refused for good",
      () => HttpResponse.json({ detail: "Insufficient credit" }, { status: 402 }),
      { outcome: "refused", again: false, reason: "402 Insufficient credit" },
    ],
    [
      "422 is refused for good",
      () => HttpResponse.json({ detail: "input is not valid" }, { status: 422 }),
      { outcome: "refused", again: false },
    ],
    [
      "404 without JSON is refused for good",
      () => new HttpResponse("<html>", { status: 404 }),
      { outcome: "refused", again: false },
    ],
    ["500 is unclear", () => HttpResponse.json({ detail: "oops" }, { status: 500 }), { outcome: "unclear" }],
    ["503 is unclear", () => new HttpResponse(null, { status: 503 }), { outcome: "unclear" }],
    [
      "201 that is no JSON is unclear",
      () => new HttpResponse('{"id":', { status: 201 }),
      { outcome: "unclear" },
    ],
    [
      "201 without an id is unclear",
      () => HttpResponse.json({ status: "starting" }, { status: 201 }),
      { outcome: "unclear" },
    ],
    ["a dropped connection is unclear", () => HttpResponse.error(), { outcome: "unclear" }],
  ])("%s; there is one request", async (_name, respond, expected) => {
    answer(respond);
    expect(await create()).toMatchObject(expected);
    expect(seen).toHaveLength(1);
  });
});

describe("reading", () => {
  test("a prediction that Replicate no longer knows is null", async () => {
    answer(() => HttpResponse.json({ detail: "not found" }, { status: 404 }));
    expect(await client.get("p1")).toBeNull();
  });

  test("an id cannot lead to another address", async () => {
    answer(() => HttpResponse.json({ id: "x" }));
    await client.get("../account?x=");
    expect(new URL(seen[0]?.url ?? "").pathname).toBe("/v1/predictions/..%2Faccount%3Fx%3D");
  });

  test("a failure is an error that tells the status and not the token", async () => {
    answer(() => HttpResponse.json({ detail: "r8_secret" }, { status: 500 }));
    const error = await client.get("p1").catch((thrown: Error) => thrown);
    expect(String(error)).toContain("500");
    expect(String(error)).not.toContain("r8_secret");
  });

  test("the webhook secret is asked for once", async () => {
    answer(() => HttpResponse.json({ key: "whsec_x" }));
    const fresh = createReplicateClient(env, fetcher);
    expect([await fresh.webhookSecret(), await fresh.webhookSecret()]).toEqual(["whsec_x", "whsec_x"]);
    expect(seen).toHaveLength(1);
  });
});

describe("a result", () => {
  const address = "https://replicate.delivery/a/out.png";
  const redirect = (to: string) => () =>
    new HttpResponse(null, { status: 302, headers: { Location: to } }) as Response;

  test("is read whole, without the token", async () => {
    answer(() => new HttpResponse(new Uint8Array([1, 2, 3])));
    expect(await client.download(address, 3)).toEqual(new Uint8Array([1, 2, 3]));
    expect(seen[0]?.headers.get("authorization")).toBeNull();
  });

  test.each<[string, CopyFault, () => Response]>([
    ["answers 404", "gone", () => new HttpResponse(null, { status: 404 })],
    ["answers 410", "gone", () => new HttpResponse(null, { status: 410 })],
    ["answers 401", "refused", () => new HttpResponse(null, { status: 401 })],
    ["answers 403", "refused", () => new HttpResponse(null, { status: 403 })],
    ["answers 451", "refused", () => new HttpResponse(null, { status: 451 })],
    ["answers 408", "unavailable", () => new HttpResponse(null, { status: 408 })],
    ["answers 429", "unavailable", () => new HttpResponse(null, { status: 429 })],
    ["answers 500", "unavailable", () => new HttpResponse(null, { status: 500 })],
    ["answers 503", "unavailable", () => new HttpResponse(null, { status: 503 })],
    ["is cut off", "unavailable", () => HttpResponse.error()],
    ["is too large", "too_large", () => new HttpResponse(new Uint8Array(11))],
    ["redirects inside", "not_allowed", redirect("http://169.254.169.254/")],
    ["redirects to another host", "not_allowed", redirect("https://evil.com/out.png")],
    ["redirects to a file", "not_allowed", redirect("file:///etc/passwd")],
    ["redirects to nothing", "refused", redirect("")],
    ["redirects in a circle", "refused", redirect(address)],
  ])("that %s cannot be copied: %s", async (_name, fault, respond) => {
    answer(respond);
    await expect(client.download(address, 10)).rejects.toMatchObject({ fault });
    expect(seen.every(({ url }) => url.startsWith("https://replicate.delivery/"))).toBe(true);
    expect(seen.length).toBeLessThanOrEqual(6);
  });

  test("is followed from one allowed host to another", async () => {
    const steps = ["https://cdn.replicate.delivery/b", "/c"];
    server.use(
      http.get(address, () => redirect(steps[0] ?? "")()),
      http.get("https://cdn.replicate.delivery/b", () => redirect(steps[1] ?? "")()),
      http.get("https://cdn.replicate.delivery/c", () => new HttpResponse(new Uint8Array([7]))),
    );
    expect(await client.download(address, 10)).toEqual(new Uint8Array([7]));
  });

  test("from another host is never asked for", async () => {
    answer(() => new HttpResponse(null));
    await expect(client.download("http://169.254.169.254/latest", 10)).rejects.toMatchObject({
      fault: "not_allowed",
    });
    expect(seen).toHaveLength(0);
  });

  test.each([
    ["data:image/png;base64,AQID", [1, 2, 3]],
    ["DATA:;BASE64,AQID", [1, 2, 3]],
    ["data:application/octet-stream;base64,AQI%3D", [1, 2]],
    ["data:image/png,%01%02a", [1, 2, 97]],
    ["data:,", []],
  ])("that is %s is read from there", async (url, bytes) => {
    expect([...(await client.download(url, 10))]).toEqual(bytes);
  });

  test.each<[string, CopyFault]>([
    [`data:image/png;base64,${"A".repeat(16)}`, "too_large"],
    [`data:image/png;base64,${"A".repeat(1_000)}`, "too_large"],
    ["data:image/png;base64", "refused"],
  ])("that is a data: address of the wrong size or form is no result", async (url, fault) => {
    await expect(client.download(url, 10)).rejects.toMatchObject({ fault });
  });
});

test("a prediction that no memory would hold is not read to its end", async () => {
  answer(() => HttpResponse.json({ id: "p1", output: "x".repeat(13 * 1024 * 1024) }));
  await expect(client.get("p1")).rejects.toMatchObject({ fault: "too_large" });
});

test.each(["null", "[", "7", '"text"', "<html>"])("%s instead of a prediction is a failure", async (body) => {
  answer(() => new HttpResponse(body));
  await expect(client.get("p1")).rejects.toThrow();
});

describe("whose prediction it is", () => {
  const id = "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07";
  const other = "2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04";
  const hook = (of: string) =>
    `https://api.example.com/api/v1/generation/webhooks/replicate?generation_id=${of}`;
  const picture = (of: string) =>
    `https://x.supabase.co/storage/v1/object/sign/uploads/p/${of}/0.png?token=t`;

  test.each<[string, boolean, Pick<Prediction, "webhook" | "input">]>([
    ["its webhook names the generation", true, { webhook: hook(id), input: { prompt: "A lighthouse" } }],
    [
      "it has no webhook, and looks at the generation's picture",
      true,
      { input: { image_input: [picture(id)] } },
    ],
    ["its webhook names another one", false, { webhook: hook(other), input: { image: picture(id) } }],
    ["somebody's prompt names it", false, { webhook: hook(other), input: { prompt: `Like ${id}` } }],
    ["a prompt names it, and there is no webhook", false, { input: { prompt: hook(id) } }],
    ["nothing names it", false, { input: {} }],
  ])("%s: %s", (_, expected, prediction) => {
    expect(isMadeFor(prediction, id)).toBe(expected);
  });

  test("one whose prompt names another generation is not found for that one", async () => {
    const results = [
      { id: "theirs", webhook: hook(other), input: { prompt: id }, created_at: "2026-11-24T09:00:00Z" },
      {
        id: "ours",
        webhook: hook(id),
        input: { prompt: "A lighthouse" },
        created_at: "2026-11-24T08:59:00Z",
      },
    ];
    answer(() => HttpResponse.json({ results, next: null }));
    const { prediction } = await client.find(id, new Date("2026-11-24T08:00:00Z"));
    expect(prediction?.id).toBe("ours");
  });
});
