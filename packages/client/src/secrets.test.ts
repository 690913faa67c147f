import { inspect } from "node:util";
import { expect, test, vi } from "vitest";
import { memorySession } from "./session.ts";
import { apiServer, broken, client, error, json, session } from "./testing/server.ts";

const server = apiServer();
const secrets = [
  "ok_SECRET",
  "ak_SECRET_1",
  "ak_SECRET_2",
  "access-SECRET",
  "refresh-SECRET",
  "Passw0rd-SECRET",
];
const options = {
  operatorKey: "ok_SECRET",
  developerKey: "ak_SECRET_1",
  apiKey: "ak_SECRET_2",
  maxRetries: 0,
};

function everythingOf(value: unknown): string {
  const own = value instanceof Error ? `${value.stack} ${String(value)} ${value.message}` : String(value);
  return `${own} ${inspect(value, { depth: Infinity, showHidden: true })} ${JSON.stringify(value)}`;
}

test("the client shows no secret to console.log, JSON or inspect", () => {
  const shown = everythingOf(client({ ...options, session: memorySession(session("SECRET")) }));
  for (const secret of secrets) expect(shown).not.toContain(secret);
});

test("no error contains a secret, not even when fetch quotes its headers in its own error", async () => {
  const leakyFetch: typeof fetch = async (_, init) => {
    const failure = new TypeError(`cannot send ${JSON.stringify(init?.headers)} ${init?.body}`);
    throw Object.assign(failure, { config: init, cause: { headers: init?.headers } });
  };
  const cases = [
    {
      reply: () =>
        error(403, "api_key_invalid", "Invalid API key for this project. Check the key and X-Project-ID."),
    },
    { reply: broken },
    { reply: () => new Response("<html>", { status: 502 }) },
    { reply: () => new Promise<Response>(() => {}), timeoutMs: 20 },
    { reply: () => json({}), fetch: leakyFetch },
    { reply: () => json({}), fetch: () => Promise.reject(undefined) },
  ];
  for (const { reply, ...more } of cases) {
    server.answer(reply);
    const app = client({ ...options, ...more, session: memorySession(session("SECRET")) });
    const calls = [
      app.auth.me(),
      app.auth.login({ email: "ada@example.com", password: "Passw0rd-SECRET" }),
      app.projects.list({ search: "SECRET" }).page(),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status).toBe("rejected");
      const shown = everythingOf((result as PromiseRejectedResult).reason);
      for (const secret of [...secrets, "SECRET"]) expect(shown).not.toContain(secret);
    }
  }
});

test("a key that cannot be sent is refused without quoting it", () => {
  for (const developerKey of ["ak_SECRET\n", "ak_SECRET…", ""]) {
    expect(() => client({ developerKey })).toThrow("developerKey is empty or has characters");
    expect(() => client({ developerKey })).not.toThrow("SECRET");
  }
});

test("the client writes nothing to the console", async () => {
  const methods = ["log", "info", "warn", "error", "debug"] as const;
  const spies = methods.map((method) => vi.spyOn(console, method).mockImplementation(() => {}));
  server.answer((_, call) => (call === 1 ? broken() : json({})));
  await client({ ...options, maxRetries: 1 }).auth.me();
  for (const spy of spies) {
    expect(spy).not.toHaveBeenCalled();
    spy.mockRestore();
  }
});
