import { expect, test } from "vitest";
import { ApiError, ConnectionError } from "./errors.ts";
import { memorySession, type Session, type SessionStore } from "./session.ts";
import { apiServer, broken, client, error, json, session, token, tokens, user } from "./testing/server.ts";

const server = apiServer();
const isRefresh = ({ path }: { path: string }) => path === "/api/v1/auth/refresh";
const refreshes = () => server.seen.filter(isRefresh);
const bearers = () =>
  server.seen.filter((seen) => !isRefresh(seen)).map(({ headers }) => headers.get("authorization"));
const invalid = () => error(401, "invalid_token", "Could not validate credentials");
const over = () => error(401, "invalid_refresh_token", "The refresh token is invalid, used or expired.");

/** Accepts the `first` refresh token and gives the `next` tokens, as the API does. */
function answerRotating(first: string, next: string) {
  server.answer((seen) => {
    if (isRefresh(seen)) return seen.body.includes(`refresh-${first}`) ? json(tokens(next)) : over();
    return seen.headers.get("authorization") === `Bearer access-${next}` ? json(user) : invalid();
  });
}

test("the client refreshes a session that is about to end before its request", async () => {
  answerRotating("a", "b");
  const store = memorySession(session("a", 20));
  expect(await client({ session: store }).auth.me()).toEqual(user);
  expect(bearers()).toEqual(["Bearer access-b"]);
  expect(await store.get()).toMatchObject({ access_token: "access-b", refresh_token: "refresh-b" });
});

test("after a refused token the client refreshes once and repeats the request, even a POST", async () => {
  answerRotating("a", "b");
  const app = client({ session: memorySession(session("a")) });
  await app.projects.create({ name: "Postcards" });
  expect(bearers()).toEqual(["Bearer access-a", "Bearer access-b"]);
});

test("a token that is refused again after a refresh is an error, not another attempt", async () => {
  server.answer((seen) => (isRefresh(seen) ? json(tokens("b")) : invalid()));
  const app = client({ session: memorySession(session("a")) });
  await expect(app.auth.me()).rejects.toMatchObject({ code: "invalid_token" });
  expect(server.seen).toHaveLength(3);
});

test("a refresh sends no key and no bearer", async () => {
  answerRotating("a", "b");
  const app = client({ apiKey: "ak_x", operatorKey: "ok_x", session: memorySession(session("a", 5)) });
  await app.auth.me();
  const headers = refreshes()[0]?.headers;
  for (const name of ["authorization", "x-api-key", "x-operator-key"]) expect(headers?.has(name)).toBe(false);
});

test("a hundred simultaneous calls cause one refresh", async () => {
  for (const secondsLeft of [5, 1800]) {
    answerRotating("a", "b");
    const app = client({ session: memorySession(session("a", secondsLeft)) });
    const before = refreshes().length;
    await Promise.all(Array.from({ length: 100 }, () => app.auth.me()));
    expect(refreshes().length - before).toBe(1);
  }
});

/** Stores of two tabs that share a session and a Web Lock. */
function sharedSession(initial = session("a", 5)): { tab: () => SessionStore } {
  const store = memorySession(initial);
  return { tab: () => ({ get: store.get, set: store.set, lock: "test-session" }) };
}

test("two tabs that refresh at the same time send one refresh", async () => {
  answerRotating("a", "b");
  const shared = sharedSession();
  const [left, right] = [client({ session: shared.tab() }), client({ session: shared.tab() })];
  expect(await Promise.all([left.auth.me(), right.auth.me()])).toEqual([user, user]);
  expect(refreshes()).toHaveLength(1);
});

test("a tab with an outdated copy of the session waits for the other tab's refresh instead of sending its own", async () => {
  const shared = sharedSession();
  const late = shared.tab();
  let stale: Session | null = session("a", 5);
  const slow = { ...late, get: () => stale };
  const right = client({ session: slow });
  const asked: { done?: Promise<unknown> } = {};
  server.answer(async (seen) => {
    if (!isRefresh(seen)) return json(user);
    asked.done ??= right.auth.me();
    while ((await navigator.locks.query()).pending?.length === 0) await new Promise(setImmediate);
    // The write of the first tab arrives after its lock is free.
    setTimeout(async () => {
      stale = await late.get();
    }, 60);
    return json(tokens("b"));
  });
  await client({ session: shared.tab() }).auth.me();
  await asked.done;
  expect(refreshes()).toHaveLength(1);
  expect(bearers()).toEqual(["Bearer access-b", "Bearer access-b"]);
});

test("a tab that waited for another tab's failed refresh sends its own", async () => {
  const shared = sharedSession();
  let right: Promise<unknown> | undefined;
  server.answer(async (seen) => {
    if (!isRefresh(seen)) return json(user);
    if (right !== undefined) return json(tokens("b"));
    right = client({ session: shared.tab() }).auth.me();
    while ((await navigator.locks.query()).pending?.length === 0) await new Promise(setImmediate);
    return broken();
  });
  await expect(client({ session: shared.tab(), maxRetries: 0 }).auth.me()).resolves.toEqual(user);
  expect(await right).toEqual(user);
  expect(refreshes()).toHaveLength(2);
});

test("without Web Locks, a tab whose refresh token was used by another tab uses that tab's session", async () => {
  const store = memorySession(session("a", 5));
  server.answer(async (seen) => {
    if (!isRefresh(seen)) return json(user);
    await store.set(session("b"));
    return over();
  });
  const app = client({ session: store });
  expect(await app.auth.me()).toEqual(user);
  expect(bearers()).toEqual(["Bearer access-b"]);
});

test("the client removes an expired session and emits an event, and the next call is anonymous", async () => {
  server.answer((seen) => (isRefresh(seen) ? over() : json(user)));
  const app = client({ session: memorySession(session("a", -5)) });
  const events: string[] = [];
  app.auth.onSessionChange((now, event) => events.push(`${event} ${now}`));
  await expect(app.auth.me()).rejects.toMatchObject({ code: "invalid_refresh_token" });
  await expect(app.auth.me()).resolves.toEqual(user);
  expect(events).toEqual(["signed_out null"]);
  expect(bearers()).toEqual([null]);
});

test.each([
  ["a broken connection", broken],
  ["an outage", () => error(503, "auth_unavailable", "Down.", { "Retry-After": "0" })],
  ["a rate limit", () => error(429, "rate_limited", "Too many.", { "Retry-After": "0" })],
  ["an HTML page of a proxy", () => new Response("<html>", { status: 403 })],
  [
    "an inactive project",
    () => error(403, "project_inactive", "This project is not active. Its developer can activate it."),
  ],
  ["an unverified address", () => error(400, "account_not_verified", "Account not activated.")],
  ["an unusable answer of Auth", () => error(502, "auth_error", "Unusable.")],
  ["a refused access token", () => error(401, "invalid_token", "Could not validate credentials")],
  ["a refused body", () => error(422, "validation_failed", "The request is not valid.")],
])("%s during a refresh keeps the session", async (_, reply) => {
  server.answer(reply);
  const store = memorySession(session("a", -5));
  const thrown = await client({ session: store, maxRetries: 1 })
    .auth.me()
    .catch((caught: unknown) => caught);
  expect(thrown instanceof ApiError || thrown instanceof ConnectionError).toBe(true);
  expect(await store.get()).toMatchObject({ refresh_token: "refresh-a" });
});

test.each(["invalid_refresh_token", "refresh_token_reused"])(
  "the error %s during a refresh removes the session",
  async (code) => {
    server.answer(() => error(401, code, "Over."));
    const store = memorySession(session("a", -5));
    await expect(client({ session: store }).auth.me()).rejects.toMatchObject({ code });
    expect(await store.get()).toBeNull();
  },
);

test("the client uses a token that is still valid when the refresh fails", async () => {
  server.answer((seen) => (isRefresh(seen) ? broken() : json(user)));
  const app = client({ session: memorySession(session("a", 20)), maxRetries: 0 });
  expect(await app.auth.me()).toEqual(user);
  expect(bearers()).toEqual(["Bearer access-a"]);
});

test("the client repeats a refresh whose answer was lost", async () => {
  server.answer((seen, call) => (isRefresh(seen) ? (call === 1 ? broken() : json(tokens("b"))) : json(user)));
  const app = client({ session: memorySession(session("a", 5)) });
  await app.auth.me();
  expect(refreshes()).toHaveLength(2);
  expect(bearers()).toEqual(["Bearer access-b"]);
});

test("a login during a refresh keeps its new session", async () => {
  const store = memorySession(session("a", 5));
  server.answer(async (seen) => {
    if (isRefresh(seen)) {
      await store.set(session("someone-else"));
      return json(tokens("b"));
    }
    return json(user);
  });
  await client({ session: store }).auth.me();
  expect(await store.get()).toMatchObject({ access_token: "access-someone-else" });
});

test("the abort of one caller does not end the refresh of the others", async () => {
  const controller = new AbortController();
  answerRotating("a", "b");
  const app = client({ session: memorySession(session("a", 5)) });
  const aborted = app.auth.me({ signal: controller.signal });
  const other = app.auth.me();
  controller.abort(new Error("gone"));
  await expect(aborted).rejects.toThrow("gone");
  expect(await other).toEqual(user);
  expect(refreshes()).toHaveLength(1);
});

test("login and register store the session and emit an event, unless the account must be verified first", async () => {
  const store = memorySession();
  const app = client({ session: store });
  const events: string[] = [];
  const end = app.auth.onSessionChange((now, event) => events.push(`${event} ${now?.refresh_token}`));
  server.answer(() => json(tokens("a")));
  await app.auth.login({ email: "ada@example.com", password: "Correct-horse-9" });
  server.answer(() => json({ ...user, access_token: token(), refresh_token: "refresh-b" }, { status: 201 }));
  await app.auth.register({ email: "ada@example.com", password: "Correct-horse-9" });
  server.answer(() =>
    json({ ...user, needs_verification: true, access_token: null, refresh_token: null }, { status: 201 }),
  );
  await app.auth.register({ email: "bob@example.com", password: "Correct-horse-9" });
  expect(events).toEqual(["signed_in refresh-a", "signed_in refresh-b"]);
  expect(await app.auth.session()).toMatchObject({ refresh_token: "refresh-b" });
  expect(server.seen.map(({ headers }) => headers.has("authorization"))).toEqual([false, false, false]);
  end();
  server.answer(() => json(tokens("c")));
  await app.auth.login({ email: "ada@example.com", password: "Correct-horse-9" });
  expect(events).toHaveLength(2);
});

test("a login succeeds even if a listener of session changes throws", async () => {
  server.answer(() => json(tokens("a")));
  const app = client();
  const reported = new Promise((resolve) => process.once("uncaughtException", resolve));
  app.auth.onSessionChange(() => {
    throw new Error("the listener's own");
  });
  await app.auth.login({ email: "ada@example.com", password: "Correct-horse-9" });
  expect(String(await reported)).toContain("the listener's own");
});

test("the client emits events for another tab's refresh, sign-out and sign-in", async () => {
  const store = memorySession(session("a"));
  let changed = () => {};
  const app = client({
    session: {
      get: store.get,
      set: store.set,
      subscribe(callback) {
        changed = callback;
        return () => {
          changed = () => {};
        };
      },
    },
  });
  const events: string[] = [];
  let told = () => {};
  const end = app.auth.onSessionChange((now, event) => {
    events.push(`${event} ${now?.refresh_token}`);
    told();
  });
  for (const next of [session("b"), null, session("c")]) {
    await store.set(next);
    const heard = new Promise<void>((resolve) => {
      told = resolve;
    });
    changed();
    await heard;
  }
  expect(events).toEqual(["refreshed refresh-b", "signed_out undefined", "signed_in refresh-c"]);
  end();
});
