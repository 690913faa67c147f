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
    // The body is a stream that ends with the request, so it is read now.
    const { url, method, headers } = request;
    const body = method === "POST" ? await request.text() : null;
    seen.push(new Request(url, { method, headers, body }));
    return resolve();
  };
  server.use(http.all(`${base}/*`, record), http.all("https://replicate.delivery/*", record));
}

const create = () => client.create(model, { prompt: "A lighthouse" }, "https://api.example.com/hook");

describe("create", () => {
  test("a create sends the model, the input, the webhook and the token", async () => {
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

  test("a create of a model version uses /predictions, and sends no webhook when there is none", async () => {
    answer(() => HttpResponse.json({ id: "p1", status: "starting" }, { status: 201 }));
    await client.create("someone/else:0123abcd", { prompt: "A lighthouse" }, undefined);
    expect(seen[0]?.url).toBe(`${base}/predictions`);
    expect(await seen[0]?.json()).toEqual({ version: "0123abcd", input: { prompt: "A lighthouse" } });
  });

  test.each<[string, () => Response, Record<string, unknown>]>([
    [
      "429 is a refusal that may be repeated after Retry-After",
      () => new HttpResponse(null, { status: 429, headers: { "Retry-After": "7" } }),
      { outcome: "refused", again: true, waitSeconds: 7 },
    ],
    [
      "429 without Retry-After is a refusal that may be repeated after 10 s",
      () => new HttpResponse(null, { status: 429 }),
      { outcome: "refused", again: true, waitSeconds: 10 },
    ],
    [
      "429 with a Retry-After of a year is a refusal that may be repeated after 10 minutes",
      () => new HttpResponse(null, { status: 429, headers: { "Retry-After": "31536000" } }),
      { outcome: "refused", again: true, waitSeconds: 600 },
    ],
    [
      "402 is a final refusal",
      () => HttpResponse.json({ detail: "Insufficient credit" }, { status: 402 }),
      { outcome: "refused", again: false, reason: "402 Insufficient credit" },
    ],
    [
      "422 is a final refusal",
      () => HttpResponse.json({ detail: "input is not valid" }, { status: 422 }),
      { outcome: "refused", again: false },
    ],
    [
      "404 without JSON is a final refusal",
      () => new HttpResponse("<html>", { status: 404 }),
      { outcome: "refused", again: false },
    ],
    [
      "500 is an unclear outcome",
      () => HttpResponse.json({ detail: "oops" }, { status: 500 }),
      { outcome: "unclear" },
    ],
    ["503 is an unclear outcome", () => new HttpResponse(null, { status: 503 }), { outcome: "unclear" }],
    [
      "201 with broken JSON is an unclear outcome",
      () => new HttpResponse('{"id":', { status: 201 }),
      { outcome: "unclear" },
    ],
    [
      "201 without an id is an unclear outcome",
      () => HttpResponse.json({ status: "starting" }, { status: 201 }),
      { outcome: "unclear" },
    ],
    ["a dropped connection is an unclear outcome", () => HttpResponse.error(), { outcome: "unclear" }],
  ])("a create sends one request: %s", async (_name, respond, expected) => {
    answer(respond);
    expect(await create()).toMatchObject(expected);
    expect(seen).toHaveLength(1);
  });
});

describe("reads", () => {
  test("the client gives null for a prediction that Replicate does not know", async () => {
    answer(() => HttpResponse.json({ detail: "not found" }, { status: 404 }));
    expect(await client.get("p1")).toBeNull();
  });

  test("a prediction id cannot change the path of a request", async () => {
    answer(() => HttpResponse.json({ id: "x" }));
    await client.get("../account?x=");
    expect(new URL(seen[0]?.url ?? "").pathname).toBe("/v1/predictions/..%2Faccount%3Fx%3D");
  });

  test("the error of a failed read contains the status, but not the token", async () => {
    answer(() => HttpResponse.json({ detail: "r8_secret" }, { status: 500 }));
    const error = await client.get("p1").catch((thrown: Error) => thrown);
    expect(String(error)).toContain("500");
    expect(String(error)).not.toContain("r8_secret");
  });

  test("the client fetches the webhook secret once", async () => {
    answer(() => HttpResponse.json({ key: "whsec_x" }));
    const fresh = createReplicateClient(env, fetcher);
    expect([await fresh.webhookSecret(), await fresh.webhookSecret()]).toEqual(["whsec_x", "whsec_x"]);
    expect(seen).toHaveLength(1);
  });
});

describe("downloads", () => {
  const address = "https://replicate.delivery/a/out.png";
  const redirect = (to: string) => () =>
    new HttpResponse(null, { status: 302, headers: { Location: to } }) as Response;

  test("a result is downloaded without the token", async () => {
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
    ["cuts the connection", "unavailable", () => HttpResponse.error()],
    ["is too large", "too_large", () => new HttpResponse(new Uint8Array(11))],
    ["redirects to a private address", "not_allowed", redirect("http://169.254.169.254/")],
    ["redirects to another host", "not_allowed", redirect("https://evil.com/out.png")],
    ["redirects to a file: URL", "not_allowed", redirect("file:///etc/passwd")],
    ["redirects without an address", "refused", redirect("")],
    ["redirects to itself", "refused", redirect(address)],
  ])("a download from a server that %s fails as %s", async (_name, fault, respond) => {
    answer(respond);
    await expect(client.download(address, 10)).rejects.toMatchObject({ fault });
    expect(seen.every(({ url }) => url.startsWith("https://replicate.delivery/"))).toBe(true);
    expect(seen.length).toBeLessThanOrEqual(6);
  });

  test("a download follows redirects between allowed hosts", async () => {
    const steps = ["https://cdn.replicate.delivery/b", "/c"];
    server.use(
      http.get(address, () => redirect(steps[0] ?? "")()),
      http.get("https://cdn.replicate.delivery/b", () => redirect(steps[1] ?? "")()),
      http.get("https://cdn.replicate.delivery/c", () => new HttpResponse(new Uint8Array([7]))),
    );
    expect(await client.download(address, 10)).toEqual(new Uint8Array([7]));
  });

  test("a result on a host that is not allowed is never requested", async () => {
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
  ])("the data: URL %s is decoded", async (url, bytes) => {
    expect([...(await client.download(url, 10))]).toEqual(bytes);
  });

  test.each<[string, CopyFault]>([
    [`data:image/png;base64,${"A".repeat(16)}`, "too_large"],
    [`data:image/png;base64,${"A".repeat(1_000)}`, "too_large"],
    ["data:image/png;base64", "refused"],
  ])("a data: URL that is too large or malformed is refused (%#)", async (url, fault) => {
    await expect(client.download(url, 10)).rejects.toMatchObject({ fault });
  });
});

test("the client stops reading a prediction that is too large", async () => {
  answer(() => HttpResponse.json({ id: "p1", output: "x".repeat(13 * 1024 * 1024) }));
  await expect(client.get("p1")).rejects.toMatchObject({ fault: "too_large" });
});

test.each(["null", "[", "7", '"text"', "<html>"])(
  "a read fails when the body is %s instead of a prediction",
  async (body) => {
    answer(() => new HttpResponse(body));
    await expect(client.get("p1")).rejects.toThrow();
  },
);

describe("isMadeFor", () => {
  const id = "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07";
  const other = "2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04";
  const hook = (of: string) =>
    `https://api.example.com/api/v1/generation/webhooks/replicate?generation_id=${of}`;
  const picture = (of: string) =>
    `https://x.supabase.co/storage/v1/object/sign/uploads/p/${of}/0.png?token=t`;

  test.each<[string, boolean, Pick<Prediction, "webhook" | "input">]>([
    ["its webhook names the generation", true, { webhook: hook(id), input: { prompt: "A lighthouse" } }],
    [
      "it has no webhook, and its input is the generation's photo",
      true,
      { input: { image_input: [picture(id)] } },
    ],
    ["its webhook names another generation", false, { webhook: hook(other), input: { image: picture(id) } }],
    [
      "its prompt names the generation, but its webhook does not",
      false,
      { webhook: hook(other), input: { prompt: `Like ${id}` } },
    ],
    ["its prompt names the generation, and it has no webhook", false, { input: { prompt: hook(id) } }],
    ["it does not name the generation", false, { input: {} }],
  ])("whether a prediction belongs to a generation when %s: %s", (_, expected, prediction) => {
    expect(isMadeFor(prediction, id)).toBe(expected);
  });

  test("the search for a generation's prediction ignores a prompt that names the generation", async () => {
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

  const page = (created_at: string, next: string | null, webhook = hook(other)) =>
    HttpResponse.json({
      results: [{ id: "p1", webhook, input: {}, created_at }],
      next: next && `${base}/predictions?cursor=${next}`,
    });
  const since = new Date("2026-11-24T08:00:00Z");
  const cursors = () => seen.map(({ url }) => new URL(url).searchParams.get("cursor"));

  test("the search for a generation's prediction follows the pages of the list until it finds it", async () => {
    answer(() =>
      seen.length < 3
        ? page("2026-11-24T09:00:00Z", `c${seen.length}`)
        : page("2026-11-24T08:30:00Z", "c3", hook(id)),
    );
    expect(await client.find(id, since)).toMatchObject({ prediction: { id: "p1" }, complete: true });
    expect(cursors()).toEqual([null, "c1", "c2"]);
  });

  test.each<[string, () => Response]>([
    ["the list is older than the generation", () => page("2026-11-24T07:59:00Z", "c1")],
    ["the list ends", () => page("2026-11-24T09:00:00Z", null)],
  ])("the search for a generation's prediction ends without one when %s", async (_, last) => {
    answer(last);
    expect(await client.find(id, since)).toEqual({ prediction: null, complete: true });
    expect(seen).toHaveLength(1);
  });

  test("the search for a generation's prediction gives up after twenty pages, and says that it is not complete", async () => {
    answer(() => page("2026-11-24T09:00:00Z", `c${seen.length}`));
    expect(await client.find(id, since)).toEqual({ prediction: null, complete: false });
    expect(seen).toHaveLength(20);
  });
});
