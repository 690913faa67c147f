// Checks the guarantees of the SDK on Node, Deno or Bun. The packed package is installed beside this file.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ApiError, createClient, memorySession, RateLimitError } from "@devkit4ai/client";

const { env } = process;
const app = {
  url: env.NEXT_PUBLIC_API_URL,
  developerKey: env.DEVKIT4AI_DEVELOPER_KEY,
  projectId: env.DEVKIT4AI_PROJECT_ID,
  apiKey: env.DEVKIT4AI_PROJECT_KEY,
};
const { EMAIL: email, PASSWORD: password } = env;

/** A `fetch` that records each request and passes it to `trouble`. */
function network(trouble) {
  const sent = [];
  const fetcher = async (url, init) => {
    const request = `${init.method} ${new URL(url).pathname.replace(/^.*\/v1/, "")}`;
    sent.push(request);
    return trouble(request, () => fetch(url, init), sent.filter((one) => one === request).length);
  };
  return { fetch: fetcher, sent };
}

const session = memorySession();
const client = createClient({ ...app, session });
await client.auth.login({ email, password });
const expired = async () => ({ ...(await session.get()), expires_at: new Date(0).toISOString() });

const promises = {
  async "a photo and a prompt become a picture"() {
    const { id } = await client.generations.create({ prompt: "Ink", files: [await readFile("photo.png")] });
    const done = await client.generations.wait(id);
    assert.equal(done.status, "completed");
    const picture = new Uint8Array(await (await client.generations.image(done)).arrayBuffer());
    assert.equal(String.fromCharCode(...picture.slice(1, 4)), "PNG");
  },
  async "a create whose answer was lost makes one generation"() {
    const { total } = await client.generations.list().page();
    const { fetch, sent } = network(async (_, answer, turn) => {
      const got = await answer();
      if (turn > 1) return got;
      await got.arrayBuffer();
      throw new TypeError("the connection broke");
    });
    const unlucky = createClient({ ...app, session, fetch });
    const { id } = await unlucky.generations.create({ prompt: "Once" });
    assert.deepEqual(sent, Array(2).fill("POST /generation/generate-v2"));
    await client.generations.wait(id);
    assert.equal((await client.generations.list().page()).total, total + 1);
  },
  async "simultaneous calls refresh a session once, and a second client with the same session succeeds"() {
    const store = memorySession();
    await store.set(await expired());
    const { fetch, sent } = network((_, answer) => answer());
    const one = createClient({ ...app, session: store, fetch });
    const other = createClient({ ...app, session: store });
    const people = await Promise.all([one.auth.me(), one.auth.me(), one.auth.me(), other.auth.me()]);
    assert.deepEqual([...new Set(people.map((person) => person.email))], [email]);
    assert.equal(sent.filter((request) => request === "POST /auth/refresh").length, 1);
    await session.set(await store.get());
  },
  async "a stream that is cut continues, and gives each state once"() {
    const { id } = await client.generations.create({ prompt: "Ink [[slow 4000]]" });
    const { fetch, sent } = network(async (_, answer, turn) => {
      const got = await answer();
      if (turn > 1) return got;
      const reader = got.body.getReader();
      let text = "";
      const body = new ReadableStream({
        async pull(controller) {
          const { value } = await reader.read();
          text += new TextDecoder().decode(value);
          controller.enqueue(value);
          if (!/event: status.*\n\n/s.test(text)) return;
          await reader.cancel();
          controller.close();
        },
      });
      return new Response(body, { headers: got.headers });
    });
    const states = [];
    for await (const event of createClient({ ...app, session, fetch }).generations.stream(id))
      if (event.type === "status") states.push(event.generation.status);
    assert.deepEqual(states, ["pending", "processing", "completed"]);
    assert.deepEqual(sent, Array(2).fill(`GET /generation/${id}/events`));
  },
  async "an abort ends a wait with its reason"() {
    const { id } = await client.generations.create({ prompt: "Never mind [[slow 5000]]" });
    const stop = new AbortController();
    const { fetch } = network((_, answer) => {
      const asked = answer();
      stop.abort("enough");
      return asked;
    });
    const waiting = createClient({ ...app, session, fetch }).generations.wait(id, { signal: stop.signal });
    assert.equal(await waiting.catch((reason) => reason), "enough");
    await client.generations.cancel(id);
  },
  async "a failed read is repeated, and a failed write is not"() {
    const { fetch, sent } = network(async (_, answer, turn) =>
      turn === 1 ? Response.json({}, { status: 503, headers: { "Retry-After": "0" } }) : answer(),
    );
    const unlucky = createClient({ ...app, session, fetch });
    assert.equal((await unlucky.auth.me()).email, email);
    await assert.rejects(unlucky.auth.updateMe({ full_name: "Ada" }), { status: 503 });
    assert.deepEqual(sent, ["GET /auth/me", "GET /auth/me", "PATCH /auth/me"]);
  },
  async "a rate limit error says when to retry"() {
    const { fetch } = network(() =>
      Response.json(
        { detail: "Later.", code: "rate_limited", request_id: "a-limit" },
        { status: 429, headers: { "Retry-After": "90" } },
      ),
    );
    const error = await createClient({ ...app, session, fetch })
      .auth.me()
      .catch((caught) => caught);
    assert.ok(error instanceof RateLimitError);
    assert.equal(error.retryAfterMs, 90_000);
  },
  async "an error has its code and request id, and no secret"() {
    const error = await createClient(app)
      .auth.login({ email, password: "wrong" })
      .catch((caught) => caught);
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, "invalid_credentials");
    assert.match(error.requestId, /^[\w-]{8,}$/);
    assert.ok(!`${error}${JSON.stringify(error)}${error.stack}`.includes(app.apiKey));
  },
};

for (const [promise, prove] of Object.entries(promises)) {
  await prove();
  console.log("kept:", promise);
}
