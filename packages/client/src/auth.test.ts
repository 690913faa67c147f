import { expect, test } from "vitest";
import { memorySession } from "./session.ts";
import { apiServer, broken, client, error, json, session, user } from "./testing/server.ts";

const server = apiServer();
const done = () => new Response(null, { status: 204 });

test("logout ends the session at the API, removes it from the store, and emits one event", async () => {
  server.answer(done);
  const store = memorySession(session("a"));
  const app = client({ session: store });
  const events: string[] = [];
  app.auth.onSessionChange((_, event) => events.push(event));
  await app.auth.logout();
  expect(server.seen[0]?.headers.get("authorization")).toBe("Bearer access-a");
  expect(await store.get()).toBeNull();
  expect(events).toEqual(["signed_out"]);
});

test("logout succeeds when the session has ended already or when nobody is signed in", async () => {
  const over = error(401, "invalid_refresh_token", "The refresh token is invalid.");
  server.answer(({ path }) =>
    path.endsWith("/refresh") ? over.clone() : error(401, "invalid_token", "Could not validate credentials"),
  );
  for (const kept of [session("a"), session("b", -5), null]) {
    const store = memorySession(kept);
    await client({ session: store }).auth.logout({ scope: "global" });
    expect(await store.get()).toBeNull();
  }
});

test("logout keeps the session when the API does not answer, so that it can be repeated", async () => {
  server.answer(broken);
  const store = memorySession(session("a"));
  await expect(client({ session: store }).auth.logout()).rejects.toThrow("got no answer");
  expect(await store.get()).not.toBeNull();
});

test("logout with the scope `others` keeps this session, and throws its errors", async () => {
  const store = memorySession(session("a"));
  server.answer(done);
  await client({ session: store }).auth.logout({ scope: "others" });
  expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({ scope: "others" });
  expect(await store.get()).not.toBeNull();
  await expect(client().auth.logout({ scope: "others" })).resolves.toBeUndefined();
  server.answer(() => error(401, "not_authenticated", "Not authenticated."));
  await expect(client().auth.logout({ scope: "others" })).rejects.toMatchObject({ status: 401 });
});

test("deleteMe removes the session", async () => {
  server.answer(done);
  const store = memorySession(session("a"));
  await client({ session: store }).auth.deleteMe({ password: "Correct-horse-9" });
  expect(await store.get()).toBeNull();
});

test("tokens of mails are sent without credentials, and a reset is requested with the project id", async () => {
  server.answer(() => json({ message: "Done." }));
  const app = client({ apiKey: "ak_x", projectId: "p1", session: memorySession(session("a")) });
  await app.auth.verifyEmail({ token: "t" });
  await app.auth.resetPassword({ token: "t", password: "Correct-horse-9" });
  await app.auth.requestPasswordReset({ email: "ada@example.com" });
  const sent = server.seen.map(({ headers }) => [headers.get("authorization"), headers.get("x-project-id")]);
  expect(sent).toEqual([
    [null, null],
    [null, null],
    [null, "p1"],
  ]);
});

test("refresh gives the new session, or null when nobody is signed in", async () => {
  server.answer(() => json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 }));
  expect(await client().auth.refresh()).toBeNull();
  expect(server.seen).toHaveLength(0);
  expect(await client({ session: memorySession(session("a")) }).auth.refresh()).toMatchObject({
    access_token: "b",
  });
});

test("login does not refresh an expired session first", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 })
      : json(user),
  );
  const app = client({ session: memorySession(session("a", -5)) });
  await app.auth.login({ email: "ada@example.com", password: "Correct-horse-9" });
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/auth/login"]);
});

const registered = {
  ...user,
  role: "end_user",
  provisioning: null,
  needs_verification: false,
  access_token: null,
  refresh_token: null,
  token_type: "bearer",
};
const register = (app: ReturnType<typeof client>) =>
  app.auth.register({ email: "ada@example.com", password: "Correct-horse-9" });

test("register logs in when the API created the account without a session", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 })
      : json(registered, { status: 201 }),
  );
  const store = memorySession();
  expect(await register(client({ projectId: "p1", session: store }))).toMatchObject({ access_token: "b" });
  expect(await store.get()).toMatchObject({ refresh_token: "rb" });
  expect(server.seen[1]?.headers.get("x-project-id")).toBe("p1");
});

test("register returns the account even if the following login fails", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? error(429, "rate_limited", "Too many requests.")
      : json(registered, { status: 201 }),
  );
  const store = memorySession();
  expect(await register(client({ session: store }))).toMatchObject({ id: user.id, access_token: null });
  expect(await store.get()).toBeNull();
});

test("register does not log in an account that must verify its address first", async () => {
  server.answer(() => json({ ...registered, needs_verification: true }, { status: 201 }));
  await register(client());
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/auth/register"]);
});

test("register logs a developer in without a project id", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 })
      : json({ ...registered, role: "developer", project_id: null }, { status: 201 }),
  );
  await register(client({ projectId: "p1" }));
  expect(server.seen[1]?.headers.get("x-project-id")).toBeNull();
});
