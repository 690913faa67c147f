import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";
import { ApiError, ConnectionError, RateLimitError, TimeoutError } from "./errors.ts";
import { memorySession } from "./session.ts";
import { apiServer, broken, client, error, json, session, url, user } from "./testing/server.ts";

const server = apiServer();
const down = () =>
  error(503, "database_unavailable", "The database does not answer.", { "Retry-After": "0" });
const healthy = { status: "healthy" };

test.each([408, 429, 500, 502, 503, 504])("a GET is repeated after %i until it succeeds", async (status) => {
  server.answer((_, call) =>
    call < 3 ? error(status, "some_code", "No.", { "Retry-After": "0" }) : json(user),
  );
  expect(await client().auth.me()).toEqual(user);
  expect(server.seen).toHaveLength(3);
});

test("a GET is repeated after a broken connection", async () => {
  server.answer((_, call) => (call === 1 ? broken() : json(user)));
  expect(await client().auth.me()).toEqual(user);
});

test.each([400, 401, 403, 404, 409, 422])("a GET is not repeated after %i", async (status) => {
  server.answer(() => error(status, "some_code", "No."));
  await expect(client().auth.me()).rejects.toMatchObject({ name: "ApiError", status });
  expect(server.seen).toHaveLength(1);
});

test("a POST without an idempotency key is never repeated", async () => {
  for (const fail of [down, broken, () => error(429, "rate_limited", "Too many.", { "Retry-After": "0" })]) {
    server.answer(fail);
    await expect(client().projects.create({ name: "Postcards" })).rejects.toThrow();
  }
  expect(server.seen).toHaveLength(3);
});

test("maxRetries limits the repetitions, for the client and for one call", async () => {
  server.answer(down);
  await expect(client({ maxRetries: 1 }).auth.me()).rejects.toMatchObject({ status: 503 });
  expect(server.seen).toHaveLength(2);
  await expect(client().auth.me({ maxRetries: 0 })).rejects.toMatchObject({ status: 503 });
  expect(server.seen).toHaveLength(3);
});

test("the client waits as long as Retry-After says, in seconds or as a date", async () => {
  const at = () => new Date(Math.ceil(Date.now() / 1000) * 1000 + 1000).toUTCString();
  for (const header of [() => "1", at]) {
    let dueAt = 0;
    server.answer(() => {
      if (dueAt !== 0) return json(user);
      const value = header();
      dueAt = /^\d+$/.test(value) ? Date.now() + 1000 : Date.parse(value);
      return error(503, "database_unavailable", "Down.", { "Retry-After": value });
    });
    await client().auth.me();
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt - 5);
  }
});

test("a 429 with a long wait is a RateLimitError at once, with the wait in milliseconds", async () => {
  server.answer(() =>
    error(429, "quota_exceeded", "The monthly quota is used up.", { "Retry-After": "86400" }),
  );
  const thrown = await client()
    .auth.me()
    .catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(RateLimitError);
  expect(thrown).toBeInstanceOf(ApiError);
  expect(thrown).toMatchObject({ status: 429, code: "quota_exceeded", retryAfterMs: 86_400_000 });
  expect(server.seen).toHaveLength(1);
});

test("without the Retry-After header a RateLimitError has the wait of the body", async () => {
  server.answer(() =>
    json({ detail: "Too many.", code: "rate_limited", request_id: "r", retry_after: 90 }, { status: 429 }),
  );
  await expect(client().auth.me()).rejects.toMatchObject({ retryAfterMs: 90_000 });
});

test("an ApiError has all fields of the API's answer, and a message with advice", async () => {
  server.answer(() =>
    json(
      {
        detail: "password: must contain a digit",
        code: "validation_failed",
        request_id: "7d0f0a52",
        errors: [{ loc: ["body", "password"], msg: "must contain a digit", type: "custom" }],
      },
      { status: 422 },
    ),
  );
  const thrown = await client()
    .auth.register({ email: "ada@example.com", password: "x" })
    .catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(ApiError);
  expect(thrown).toMatchObject({
    status: 422,
    code: "validation_failed",
    detail: "password: must contain a digit",
    requestId: "7d0f0a52",
    errors: [{ loc: ["body", "password"], msg: "must contain a digit", type: "custom" }],
    message:
      "password: must contain a digit. `errors` names every field. (422 validation_failed, request 7d0f0a52)",
  });
});

test("an ApiError has the docUrl of the API's answer, or null", async () => {
  const docUrl = "https://docs.example.com/errors.html#project_not_found";
  server.answer(() =>
    json(
      { detail: "Project not found.", code: "project_not_found", request_id: "7d0f0a52", doc_url: docUrl },
      { status: 404 },
    ),
  );
  const thrown = await client()
    .projects.get("p1")
    .catch((caught: unknown) => caught);
  expect(thrown).toMatchObject({
    docUrl,
    message: `Project not found. (404 project_not_found, request 7d0f0a52) ${docUrl}`,
  });
  server.answer(() => error(404, "project_not_found", "Project not found."));
  expect(
    await client()
      .projects.get("p1")
      .catch((caught) => caught.docUrl),
  ).toBeNull();
});

test("an answer that is not from the API is an ApiError that advises to check `url`", async () => {
  const wrong = [
    () => new Response("<h1>Not here</h1>", { status: 404, headers: { "content-type": "text/html" } }),
    () => new Response("<h1>Hello</h1>", { status: 200, headers: { "content-type": "text/html" } }),
    () => json({ message: "no such route" }, { status: 404 }),
    () => new Response(null, { status: 308, headers: { location: "https://elsewhere.test/?token=secret" } }),
  ];
  for (const reply of wrong) {
    server.answer(reply);
    const thrown = await client({ maxRetries: 0 })
      .auth.me()
      .catch((caught: unknown) => caught);
    expect(thrown).toMatchObject({ name: "ApiError", code: "unexpected_answer" });
    expect(String(thrown)).toContain("Check `url` of createClient");
    expect(String(thrown)).not.toContain("secret");
  }
});

test("a ConnectionError names the request and says what to check", async () => {
  server.answer(broken);
  const thrown = await client({ maxRetries: 0 })
    .auth.me()
    .catch((caught: unknown) => caught);
  expect(thrown).toBeInstanceOf(ConnectionError);
  expect(String(thrown)).toContain(`GET ${url}/api/v1/auth/me`);
  expect(String(thrown)).toContain("npm start");
});

test("a call without an answer in time is a TimeoutError, even if the body stalls or fetch ignores its signal", async () => {
  const stalled = () => new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array([123])) }));
  const fetches: (typeof fetch)[] = [
    () => new Promise(() => {}),
    (_, init) =>
      new Promise((_resolve, reject) =>
        init?.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
      ),
    async () => stalled(),
  ];
  for (const fetch of fetches) {
    const slow = client({ fetch, maxRetries: 0 }).auth.me({ timeoutMs: 20 });
    await expect(slow).rejects.toBeInstanceOf(TimeoutError);
    await expect(slow).rejects.toThrow("GET http://api.test/api/v1/auth/me within 20 ms");
  }
});

test("an abort before, during or between attempts ends a call with the reason of its signal", async () => {
  const reason = new Error("the page is gone");
  await expect(client().auth.me({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(server.seen).toHaveLength(0);

  const during = new AbortController();
  server.answer(() => {
    during.abort(reason);
    return new Promise<Response>(() => {});
  });
  await expect(client().auth.me({ signal: during.signal })).rejects.toBe(reason);

  const between = new AbortController();
  server.answer(() => {
    queueMicrotask(() => setTimeout(() => between.abort(reason)));
    return error(503, "database_unavailable", "Down.", { "Retry-After": "59" });
  });
  await expect(client().auth.me({ signal: between.signal })).rejects.toBe(reason);
});

test("a call sends the client's credentials, and a projectId of the call takes precedence", async () => {
  server.answer(() => json(user));
  const app = client({
    developerKey: "ak_developer",
    apiKey: "ak_project",
    projectId: "p1",
    operatorKey: "ok_operator",
    session: memorySession(session("a")),
  });
  await app.auth.me();
  await app.auth.me({ projectId: "p2" });
  await app.auth.me({ projectId: null });
  const [first, second, third] = server.seen.map(({ headers }) => headers);
  expect(Object.fromEntries(first ?? [])).toMatchObject({
    authorization: "Bearer access-a",
    "x-developer-key": "ak_developer",
    "x-api-key": "ak_project",
    "x-project-id": "p1",
  });
  // The operator key is not sent when a user is signed in.
  expect(first?.has("x-operator-key")).toBe(false);
  expect(second?.get("x-project-id")).toBe("p2");
  expect(third?.has("x-project-id")).toBe(false);
});

test("health sends no credentials, and returns an unhealthy report instead of throwing", async () => {
  const app = client({ apiKey: "ak_project", session: memorySession(session("a")) });
  server.answer(() => json(healthy));
  expect(await app.health.get()).toEqual(healthy);
  server.answer(() => json({ status: "unhealthy" }, { status: 503 }));
  expect(await app.health.get()).toEqual({ status: "unhealthy" });
  for (const { headers } of server.seen) {
    expect(headers.has("authorization") || headers.has("x-api-key")).toBe(false);
  }
  expect(server.seen).toHaveLength(2);
});

test("`url` may have a path, trailing slashes and the prefix /api/v1", async () => {
  server.answer(() => json(user));
  for (const base of [url, `${url}/`, `${url}/api/v1`, `${url}/api/v1/`, `${url}//`]) {
    await client({ url: base }).auth.me();
  }
  await client({ url: `${url}/functions/v1` }).auth.me();
  expect(server.seen.map(({ path }) => path)).toEqual([
    ...Array(5).fill("/api/v1/auth/me"),
    "/functions/v1/api/v1/auth/me",
  ]);
});

test.each(["", "127.0.0.1:54321", "ftp://api.test", "http://user:secret@api.test"])(
  "createClient refuses the url %j and does not quote its password",
  (wrong) => {
    expect(() => client({ url: wrong })).toThrow("url must be the base address");
    expect(() => client({ url: wrong })).not.toThrow("secret");
  },
);

test.each(["", ".", ".."])("the id %j is refused because it would change the path", async (id) => {
  await expect(client().projects.get(id)).rejects.toThrow("project_id must be an id");
});

test("an id is encoded, so that it cannot change the path or the query", async () => {
  server.answer(() => json({}));
  await client().projects.get("../users?x=1#y");
  expect(server.seen[0]?.path).toBe("/api/v1/projects/..%2Fusers%3Fx%3D1%23y");
});

test("timeoutMs may be Infinity or more than 24.8 days, but not zero, negative or text", async () => {
  server.answer(() => json(user));
  for (const timeoutMs of [Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40])
    expect(await client({ timeoutMs }).auth.me({ timeoutMs })).toEqual(user);
  for (const timeoutMs of [0, -1, Number.NaN, "30" as never]) {
    expect(() => client({ timeoutMs })).toThrow("timeoutMs must be a number of milliseconds above 0");
    await expect(client().auth.me({ timeoutMs })).rejects.toThrow(TypeError);
  }
});

test("forty simultaneous calls with one signal cause no warning about a leak", async () => {
  server.answer(() => json(user));
  const warnings: Error[] = [];
  const remember = (warning: Error) => warnings.push(warning);
  process.on("warning", remember);
  const { signal } = new AbortController();
  const app = client({ session: memorySession(session("a")) });
  await Promise.all(Array.from({ length: 40 }, () => app.auth.me({ signal })));
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", remember);
  expect(warnings).toEqual([]);
  expect(getEventListeners(signal, "abort").length).toBeLessThanOrEqual(1);
});

test("withResponse gives the data, the request id and the rate limit", async () => {
  server.answer(() =>
    json(user, {
      headers: {
        "X-Request-Id": "7d0f0a52",
        "X-RateLimit-Limit": "100",
        "X-RateLimit-Remaining": "99",
        "X-RateLimit-Reset": "1795564800",
      },
    }),
  );
  expect(await client().auth.me().withResponse()).toMatchObject({
    data: user,
    requestId: "7d0f0a52",
    rateLimit: { limit: 100, remaining: 99, resets_at: "2026-11-25T00:00:00.000Z" },
  });
  server.answer(() => json(user));
  expect(await client().auth.me().withResponse()).toMatchObject({ requestId: null, rateLimit: null });
});

test("withResponse of a failed call causes no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const remember = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", remember);
  server.answer(() => error(404, "not_found", "No."));
  await expect(client().auth.me().withResponse()).rejects.toMatchObject({ status: 404 });
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", remember);
  expect(unhandled).toEqual([]);
});

test.each(["", "null", "42", '"hello"', "true", "<html></html>"])(
  "a 200 with %j is an unexpected answer, not data",
  async (body) => {
    server.answer(() => new Response(body, { status: 200 }));
    await expect(client().auth.me()).rejects.toMatchObject({ code: "unexpected_answer", status: 200 });
  },
);

test("createClient without arguments reads the .env that npm start prints", async () => {
  const { env } = process;
  const before = { ...env };
  Object.assign(env, {
    NEXT_PUBLIC_API_URL: url,
    DEVKIT4AI_DEVELOPER_KEY: "ak_d",
    DEVKIT4AI_PROJECT_ID: "p1",
    DEVKIT4AI_PROJECT_KEY: "ak_p",
  });
  try {
    server.answer(() => json(user));
    await createClient().auth.me();
    const [sent] = server.seen;
    expect(
      [..."developer-key project-id api-key".split(" ")].map((name) => sent?.headers.get(`x-${name}`)),
    ).toEqual(["ak_d", "p1", "ak_p"]);
  } finally {
    process.env = before;
  }
  expect(() => createClient({ url: undefined })).toThrow("Is the environment variable set");
});
