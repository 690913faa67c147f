import { beforeAll, describe, expect, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";

let developer: Developer;
let user: EndUser;
let id: string;

const statusOf = (headers: Record<string, string>, generation = id, query = "") =>
  api(`/generation/${generation}/status${query}`, { headers });

beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
  const created = await api("/generation/generate-v2", {
    headers: user.headers,
    json: { prompt: "A lighthouse" },
  });
  id = created.body.id;
  const done = await statusOf(user.headers, id, "?wait=25");
  expect(done.body.status).toBe("completed");
});

test("the status of a completed generation has every field of the contract, with absolute URLs", async () => {
  const { status, body } = await statusOf(user.headers);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    id,
    status: "completed",
    instructions: "A lighthouse",
    example_images: [],
    error: null,
    is_public: false,
    generated_image_url: expect.stringMatching(/^https?:\/\/[^/]+\/.*image/),
  });
  for (const moment of [body.created_at, body.updated_at, body.completed_at])
    expect(Number.isNaN(Date.parse(moment))).toBe(false);
});

test("a developer reads a generation's status with the project's id, and the legacy path answers the same", async () => {
  const headers = { ...developer.headers, "X-Project-ID": developer.project.id };
  const { updated_at, status } = (await statusOf(headers)).body;
  const alias = await api(`/generation/generations-v2/${id}/status`, { headers: user.headers });
  expect(alias.body).toMatchObject({ id, status, updated_at });
});

test("a status with ?wait answers at once for a generation that has ended", async () => {
  const start = performance.now();
  expect((await statusOf(user.headers, id, "?wait=25")).status).toBe(200);
  expect(performance.now() - start).toBeLessThan(10_000);
});

describe("missing credentials", () => {
  test.each([
    ["Authorization", 401, "not_authenticated"],
    ["X-Project-ID", 403, "project_id_required"],
    ["X-Developer-Key", 403, "developer_key_required"],
    ["X-API-Key", 403, "api_key_required"],
  ])("a generation's status without the header %s is refused with %i %s", async (name, status, code) => {
    const { [name]: _, ...headers } = user.headers;
    expect(errorOf(await statusOf(headers))).toMatchObject({ status, code });
  });
});

describe("generations that the caller cannot see", () => {
  test("the status of another user's generation answers the same 404 as an unknown id", async () => {
    const other = await registerEndUser(developer.project);
    const foreign = errorOf(await statusOf(other.headers));
    const unknown = errorOf(await statusOf(user.headers, crypto.randomUUID()));
    expect(foreign).toEqual({ status: 404, code: "generation_not_found", detail: "Generation not found." });
    expect(unknown).toEqual(foreign);
  });

  test("the status of a generation answers 404 to the users and the developer of another project", async () => {
    const stranger = await registerDeveloper();
    const endUser = await registerEndUser(stranger.project);
    expect(errorOf(await statusOf(endUser.headers)).code).toBe("generation_not_found");
    const headers = { ...stranger.headers, "X-Project-ID": stranger.project.id };
    expect(errorOf(await statusOf(headers)).code).toBe("generation_not_found");
    const foreign = { ...stranger.headers, "X-Project-ID": developer.project.id };
    expect(errorOf(await statusOf(foreign))).toMatchObject({ status: 404, code: "project_not_found" });
  });

  test.each([
    ["an invalid id", "seven", "", "validation_failed"],
    ["a wait above 25 seconds", undefined, "?wait=26", "validation_failed"],
    ["a negative wait", undefined, "?wait=-1", "validation_failed"],
    ["a wait that is no number", undefined, "?wait=long", "validation_failed"],
  ])("a generation's status with %s is refused with 422", async (_name, generation, query, code) => {
    expect(errorOf(await statusOf(user.headers, generation ?? id, query))).toMatchObject({
      status: 422,
      code,
    });
  });
});

test.each(["POST", "PUT", "PATCH", "DELETE"])("%s on a generation's status answers 405", async (method) => {
  const answer = await api(`/generation/${id}/status`, { method, headers: user.headers });
  expect(errorOf(answer)).toMatchObject({ status: 405, code: "method_not_allowed" });
  expect(answer.headers.get("allow")).toBe("GET, HEAD");
});

describe("waiting", () => {
  let running: string;
  beforeAll(async () => {
    const created = await api("/generation/generate-v2", {
      headers: user.headers,
      json: { prompt: "A lighthouse [[stall]]" },
    });
    running = created.body.id;
  });

  test("a user holds at most ten waiting polls, further ones are answered at once, and all ten see the end", async () => {
    const polls = Array.from({ length: 15 }, () => statusOf(user.headers, running, "?wait=25"));
    const atOnce = await Promise.race([
      Promise.all(polls).then(() => "all returned"),
      // Five of the fifteen polls return although the generation has not changed.
      new Promise<string>((resolve) => {
        let back = 0;
        for (const poll of polls) void poll.then(() => ++back === 5 && resolve("five returned"));
      }),
    ]);
    expect(atOnce).toBe("five returned");
    expect(
      (await api(`/generation/${running}/cancel`, { method: "POST", headers: user.headers })).status,
    ).toBe(200);
    const answers = await Promise.all(polls);
    const statuses = answers.map(({ body }) => body.status).sort();
    expect(statuses.filter((status) => status === "canceled")).toHaveLength(10);
    expect(statuses.filter((status) => status !== "canceled")).toHaveLength(5);
  });

  test("a waiting poll answers 401 after its session has ended", async () => {
    const endUser = await registerEndUser(developer.project);
    const created = await api("/generation/generate-v2", {
      headers: endUser.headers,
      json: { prompt: "A lighthouse [[stall]]" },
    });
    const poll = statusOf(endUser.headers, created.body.id, "?wait=2");
    await api("/auth/logout", { method: "POST", headers: endUser.headers });
    expect((await poll).status).toBe(401);
    await api(`/generation/${created.body.id}`, {
      method: "DELETE",
      headers: { ...developer.headers, "X-Project-ID": developer.project.id },
    });
  });
});
