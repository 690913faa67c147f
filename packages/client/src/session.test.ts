import { expect, test } from "vitest";
import {
  type CookieJar,
  type CookieOptions,
  cookieSession,
  localStorageSession,
  memorySession,
  toSession,
} from "./session.ts";
import { session, token, tokens } from "./testing/server.ts";

/** A cookie jar like that of Next.js: a later `get` of the same request returns the value that was set. */
function jar(initial: Record<string, string> = {}) {
  const cookies = new Map(Object.entries(initial));
  const written: [string, string, CookieOptions][] = [];
  const api: CookieJar = {
    get: (name) => (cookies.has(name) ? { value: cookies.get(name) ?? "" } : undefined),
    set(name, value, options) {
      written.push([name, value, options]);
      cookies.set(name, value);
    },
  };
  return { api, cookies, written };
}

function fakeBrowser() {
  const kept = new Map<string, string>();
  const target = new EventTarget();
  Object.assign(globalThis, {
    localStorage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    },
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  });
  return {
    kept,
    changed: (key: string | null) => target.dispatchEvent(Object.assign(new Event("storage"), { key })),
  };
}

test("every session store returns the session that was set, and null after it was removed", async () => {
  fakeBrowser();
  for (const store of [memorySession(), localStorageSession(), cookieSession(jar().api)]) {
    expect(await store.get()).toBeNull();
    const kept = session("a");
    await store.set(kept);
    expect(await store.get()).toEqual(kept);
    await store.set(null);
    expect(await store.get()).toBeNull();
  }
});

test("a damaged session in a store reads as null", async () => {
  const { kept } = fakeBrowser();
  for (const damaged of ["", "{", "null", "[]", '"text"', '{"access_token":"a"}', '{"access_token":1}']) {
    kept.set("devkit4ai.session", damaged);
    expect(await localStorageSession().get()).toBeNull();
    expect(await cookieSession(jar({ "devkit4ai-session": btoa(damaged) }).api).get()).toBeNull();
  }
  expect(await cookieSession(jar({ "devkit4ai-session": "%%%" }).api).get()).toBeNull();
});

test("the session cookie is HttpOnly, Secure and SameSite, and is deleted with the session", async () => {
  const { api, written } = jar();
  await cookieSession(api).set(session("a"));
  await cookieSession(api, { secure: false, domain: "example.com" }).set(null);
  expect(written.map(([name, , options]) => [name, options])).toEqual([
    ["devkit4ai-session", { httpOnly: true, secure: true, sameSite: "lax", path: "/", maxAge: 604_800 }],
    [
      "devkit4ai-session",
      { httpOnly: true, secure: false, sameSite: "lax", path: "/", maxAge: 0, domain: "example.com" },
    ],
  ]);
});

test("the session cookie has only URL-safe characters and fits into 3,500 bytes", async () => {
  const { api, written } = jar();
  await cookieSession(api).set({ ...session("a"), access_token: "x".repeat(1500) });
  const value = written[0]?.[1] ?? "";
  expect(value).toMatch(/^[\w-]+$/);
  expect(value.length).toBeLessThan(3_500);
});

test("where cookies cannot be set, as in a Server Component, a new session is kept for the request", async () => {
  const { api } = jar();
  const store = cookieSession({
    get: api.get,
    set() {
      throw new Error("Cookies can only be modified in a Server Action or Route Handler.");
    },
  });
  const kept = session("a");
  await store.set(kept);
  expect(await store.get()).toEqual(kept);
});

test("localStorageSession reports changes of its own key by other tabs, until it is unsubscribed", () => {
  const { changed } = fakeBrowser();
  let told = 0;
  const end = localStorageSession({ key: "mine" }).subscribe?.(() => {
    told++;
  });
  changed("mine");
  changed("other");
  changed(null);
  expect(told).toBe(2);
  end?.();
  changed("mine");
  expect(told).toBe(2);
});

test("the lifetime of a session is that of the answer, else of the token, else five minutes", () => {
  const now = Date.parse("2026-11-24T12:00:00Z");
  expect(toSession(tokens("a", 1800), now).expires_at).toBe("2026-11-24T12:30:00.000Z");
  const { expires_in: _, ...bare } = tokens("a");
  expect(toSession({ ...bare, access_token: token(600) }, now).expires_at).toBe("2026-11-24T12:10:00.000Z");
  expect(toSession(bare, now).expires_at).toBe("2026-11-24T12:05:00.000Z");
});

const kept = { access_token: "a", refresh_token: "r", expires_at: "2026-11-24T12:00:00Z" };
const throws = () => {
  throw new DOMException("The operation is insecure.", "SecurityError");
};
test.each<[string, () => unknown]>([
  ["is missing", () => undefined],
  ["throws when it is accessed", throws],
  ["throws at every call", () => ({ getItem: throws, setItem: throws, removeItem: throws })],
  ["has no methods", () => ({})],
  ["is full", () => ({ getItem: () => null, setItem: throws, removeItem: () => {} })],
])("localStorageSession keeps the session in memory when localStorage %s", (_, storage) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: storage });
  try {
    const store = localStorageSession();
    expect(store.get()).toBeNull();
    store.set(kept);
    expect(store.get()).toEqual(kept);
    store.set(null);
    expect(store.get()).toBeNull();
    store.subscribe?.(() => {})();
  } finally {
    delete (globalThis as { localStorage?: unknown }).localStorage;
    if (before !== undefined) Object.defineProperty(globalThis, "localStorage", before);
  }
});
