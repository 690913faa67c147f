import { expect, test } from "vitest";
import { memorySession } from "./session.ts";
import { apiServer, broken, client, error, json, session, user } from "./testing/server.ts";

const server = apiServer();
const done = () => new Response(null, { status: 204 });

test("a sign-out ends the session at the API, then here, and is told once", async () => {
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

test("a sign-out of a session that was over already, or of nobody, succeeds", async () => {
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

test("a sign-out that nobody heard keeps the session, so that it can be tried again", async () => {
  server.answer(broken);
  const store = memorySession(session("a"));
  await expect(client({ session: store }).auth.logout()).rejects.toThrow("got no answer");
  expect(await store.get()).not.toBeNull();
});

test("ending the other sessions keeps this one, and its failure is told", async () => {
  const store = memorySession(session("a"));
  server.answer(done);
  await client({ session: store }).auth.logout({ scope: "others" });
  expect(JSON.parse(server.seen[0]?.body ?? "")).toEqual({ scope: "others" });
  expect(await store.get()).not.toBeNull();
  await expect(client().auth.logout({ scope: "others" })).resolves.toBeUndefined();
  server.answer(() => error(401, "not_authenticated", "Not authenticated."));
  await expect(client().auth.logout({ scope: "others" })).rejects.toMatchObject({ status: 401 });
});

test("an account that deletes itself is signed out", async () => {
  server.answer(done);
  const store = memorySession(session("a"));
  await client({ session: store }).auth.deleteMe({ password: "Correct-horse-9" });
  expect(await store.get()).toBeNull();
});

test("links of mails are consumed with no credential, and a reset is asked for with the project's", async () => {
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

test("refresh gives the new session, and null to nobody", async () => {
  server.answer(() => json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 }));
  expect(await client().auth.refresh()).toBeNull();
  expect(server.seen).toHaveLength(0);
  expect(await client({ session: memorySession(session("a")) }).auth.refresh()).toMatchObject({
    access_token: "b",
  });
});

test("a session that is about to end does not stand in the way of a sign-in", async () => {
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

test("an account that could not be signed in at once is signed in by a login", async () => {
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

test("an account reaches its caller although the login fails too", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? error(429, "rate_limited", "Too many requests.")
      : json(registered, { status: 201 }),
  );
  const store = memorySession();
  expect(await register(client({ session: store }))).toMatchObject({ id: user.id, access_token: null });
  expect(await store.get()).toBeNull();
});

test("an account that has to verify its address first is not signed in", async () => {
  server.answer(() => json({ ...registered, needs_verification: true }, { status: 201 }));
  await register(client());
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/auth/register"]);
});

test("a developer signs in without a project", async () => {
  server.answer(({ path }) =>
    path.endsWith("/login")
      ? json({ access_token: "b", refresh_token: "rb", token_type: "bearer", expires_in: 60 })
      : json({ ...registered, role: "developer", project_id: null }, { status: 201 }),
  );
  await register(client({ projectId: "p1" }));
  expect(server.seen[1]?.headers.get("x-project-id")).toBeNull();
});
