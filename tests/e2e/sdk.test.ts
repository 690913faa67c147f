import { expect, inject, test } from "vitest";
import { createClient, memorySession } from "../../packages/client/src/index.ts";
import { freshEmail, password } from "../support/api.ts";
import { png, pngSignature } from "../support/images.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { until } from "../support/until.ts";

lockAnonymousLimits();

const { urls, credentials } = inject("stack");
const url = urls.gateway;

async function developer() {
  const client = createClient({ url, operatorKey: credentials.operator_key });
  const account = await client.auth.register({ email: freshEmail("developer"), password, full_name: "Dev" });
  const provisioned = account.provisioning;
  if (provisioned === null) throw new Error("a developer gets a project");
  const { project_id: projectId, developer_key: developerKey, api_key: apiKey } = provisioned;
  return { client, account, app: { url, developerKey, projectId, apiKey } };
}

async function endUser(app: { url: string; developerKey: string; projectId: string; apiKey: string }) {
  const session = memorySession();
  const client = createClient({ ...app, session });
  const account = await client.auth.register({ email: freshEmail("user"), password });
  return { client, account, session };
}

test("a developer makes a project and a key, and an end user turns a photo and a prompt into a picture", async () => {
  const { client: dev, account, app } = await developer();
  expect(await dev.auth.me()).toMatchObject({ id: account.id, role: "developer" });

  const project = await dev.projects.create({ name: "Postcards" });
  expect(await dev.projects.get(project.id)).toEqual(project);
  const names: string[] = [];
  for await (const { name } of dev.projects.list({ page_size: 1 })) names.push(name);
  expect(names).toEqual(["Postcards", "My first project"]);
  const key = await dev.apiKeys.create(project.id, { name: "Web app" });
  expect(await dev.apiKeys.list(project.id).all()).toMatchObject([{ id: key.id, name: "Web app" }]);

  const { client: user } = await endUser({ ...app, projectId: project.id, apiKey: key.key });
  expect(await user.auth.me()).toMatchObject({ role: "end_user", project_id: project.id });
  expect((await dev.users.list(project.id).page()).total).toBe(1);

  const created = await user.generations.create({
    prompt: "Turn this into a watercolour",
    files: [{ data: png(), name: "photo.png", type: "image/png" }],
    seed: 7,
  });
  expect(created).toMatchObject({ status: "pending", instructions: "Turn this into a watercolour" });
  const told: string[] = [];
  const done = await user.generations.wait(created.id, { onStatus: ({ status }) => told.push(status) });
  expect(done).toMatchObject({ status: "completed", error: null });
  expect(told.at(-1)).toBe("completed");

  const picture = new Uint8Array(await (await user.generations.image(done)).arrayBuffer());
  expect([...picture.subarray(0, 8)]).toEqual(pngSignature);
  const example = await user.generations.exampleImage(done, 0);
  expect(new Uint8Array(await example.arrayBuffer())).toEqual(png());
});

test("a developer who names a project gets a picture from a prompt alone", async () => {
  const { client, app } = await developer();
  const { id } = await client.generations.create({ prompt: "A lighthouse" }, { projectId: app.projectId });
  const done = await client.generations.wait(id, { projectId: app.projectId });
  expect(done).toMatchObject({ status: "completed", example_images: [] });
});

/** A `fetch` that loses the first answers to POSTs after the server has carried them out. */
function lossy(losses: number): typeof fetch {
  let lost = 0;
  return async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method === "POST" && String(input).includes("/generation/") && lost++ < losses) {
      await response.arrayBuffer();
      throw new TypeError("the connection broke");
    }
    return response;
  };
}

test("the SDK repeats a create whose answer was lost, and only one generation is made", async () => {
  const { app } = await developer();
  const { client, session } = await endUser(app);
  for (const files of [[], [png()]]) {
    const unlucky = createClient({ ...app, session, fetch: lossy(2) });
    const created = await unlucky.generations.create({ prompt: "A lighthouse", files });
    expect(await client.generations.wait(created.id)).toMatchObject({ status: "completed" });
  }
  expect((await client.generations.list().page()).total).toBe(2);
  expect(await client.generations.usage()).toMatchObject({ used: 2 });
});

test("creates with one idempotency key make one generation, and the key is refused for another request", async () => {
  const { app } = await developer();
  const { client } = await endUser(app);
  const order = { prompt: "A postcard" };
  const once = { idempotencyKey: "order-17" };
  const ids = (await Promise.all([1, 2, 3].map(() => client.generations.create(order, once)))).map(
    ({ id }) => id,
  );
  ids.push((await client.generations.create(order, once)).id);
  expect(new Set(ids).size).toBe(1);
  await expect(client.generations.create({ prompt: "Another" }, once)).rejects.toMatchObject({
    code: "idempotency_key_reused",
  });
});

test("an end user uploads photos to Storage, and lists, publishes, unpublishes and deletes pictures", async () => {
  const { app } = await developer();
  const { client } = await endUser(app);
  const upload_ids = await client.generations.upload([png(), { data: png(), type: "image/png" }]);
  for (const request of [{ prompt: "One" }, { prompt: "Two", upload_ids }]) {
    const { id } = await client.generations.create(request);
    expect((await client.generations.wait(id)).status).toBe("completed");
  }
  const listed = await client.generations.list({ page_size: 1 }).all();
  expect(listed.map(({ instructions }) => instructions)).toEqual(["Two", "One"]);
  const [two] = listed;
  if (two === undefined) throw new Error("there are two");
  expect(two.example_images).toHaveLength(2);

  expect(await client.generations.setPublic(two.id, { is_public: true })).toMatchObject({ is_public: true });
  const visitor = createClient({ url, projectId: app.projectId });
  expect((await visitor.generations.listPublic().all()).map(({ id }) => id)).toEqual([two.id]);
  await client.generations.setPublic(two.id, { is_public: false });
  expect(await visitor.generations.listPublic().all()).toEqual([]);

  await client.generations.delete(two.id);
  await expect(client.generations.get(two.id)).rejects.toMatchObject({ code: "generation_not_found" });
  await expect(client.generations.cancel(listed[1]?.id ?? "")).rejects.toMatchObject({
    code: "generation_not_running",
  });
});

test("a visitor without an account gets a picture", async () => {
  const visitor = createClient({ url });
  const { id } = await visitor.generations.createAnonymous({ prompt: "A lighthouse", files: [png()] });
  const done = await visitor.generations.wait(id, { anonymous: true });
  expect(done.status).toBe("completed");
  const picture = new Uint8Array(await (await visitor.generations.image(done)).arrayBuffer());
  expect([...picture.subarray(0, 8)]).toEqual(pngSignature);
});

test("three calls with an expired token refresh the session once, and all succeed", async () => {
  const { app } = await developer();
  const { client, session } = await endUser(app);
  const before = await session.get();
  if (before === null) throw new Error("registration signs in");
  await session.set({ ...before, expires_at: new Date(0).toISOString() });
  const events: string[] = [];
  client.auth.onSessionChange((_, event) => events.push(event));
  await Promise.all([client.auth.me(), client.auth.me(), client.auth.me()]);
  expect(events).toEqual(["refreshed"]);
  expect((await session.get())?.refresh_token).not.toBe(before.refresh_token);
});

test("two clients that share a session store and refresh at the same time both stay signed in", async () => {
  const { app } = await developer();
  const { session } = await endUser(app);
  const before = await session.get();
  if (before === null) throw new Error("registration signs in");
  await session.set({ ...before, expires_at: new Date(0).toISOString() });
  const [left, right] = [createClient({ ...app, session }), createClient({ ...app, session })];
  const [a, b] = await Promise.all([left.auth.me(), right.auth.me()]);
  expect(a).toEqual(b);
});

test("the SDK forgets a session whose refresh token is refused, and the error says to sign in", async () => {
  const { app } = await developer();
  const { client, session } = await endUser(app);
  const before = await session.get();
  if (before === null) throw new Error("registration signs in");
  await session.set({ ...before, refresh_token: "nobody", expires_at: new Date(0).toISOString() });
  await expect(client.auth.me()).rejects.toThrow("sign in again with auth.login");
  expect(await session.get()).toBeNull();
});

test("a user ends one session or signs out, and the API refuses the ended session at once", async () => {
  const { app } = await developer();
  const { client, session, account } = await endUser(app);
  const other = createClient(app);
  await other.auth.login({ email: account.email, password });
  const sessions = await client.sessions.list().all();
  expect(sessions.map(({ current }) => current).sort()).toEqual([false, true]);
  await client.sessions.revoke(sessions.find(({ current }) => !current)?.id ?? "");
  await expect(other.auth.me()).rejects.toMatchObject({ status: 401 });
  expect(await other.auth.session()).toBeNull();

  const kept = await session.get();
  await client.auth.logout();
  expect(await session.get()).toBeNull();
  const thief = createClient({ ...app, session: memorySession(kept) });
  await expect(thief.auth.me()).rejects.toMatchObject({ status: 401 });
  await expect(client.auth.me()).rejects.toThrow("Sign in first with auth.login");
  await client.auth.logout();
});

test("a developer creates, rotates and revokes a developer key, and a management key works without a session", async () => {
  const { client, app } = await developer();
  const key = await client.developerKeys.create({ name: "Automation", management: true });
  const robot = createClient({ url, developerKey: key.key });
  expect((await robot.projects.list().page()).total).toBe(1);
  const { id, key: next } = await client.developerKeys.rotate(key.id);
  expect((await createClient({ url, developerKey: next }).projects.list().page()).total).toBe(1);
  await client.developerKeys.revoke(id);
  await expect(createClient({ url, developerKey: next }).projects.list().page()).rejects.toMatchObject({
    code: "developer_key_revoked",
  });
  await expect(createClient(app).projects.list().page()).rejects.toMatchObject({ status: 401 });
});

test("a developer changes a project, rotates its key, deactivates an end user, deletes and restores the project", async () => {
  const { client, app } = await developer();
  expect(await client.projects.update(app.projectId, { name: "Letters" })).toMatchObject({ name: "Letters" });
  const changes = await client.projects.audit(app.projectId, { resource: "project" }).all();
  expect(changes.some(({ changes }) => changes.name?.new === "Letters")).toBe(true);

  const [key] = await client.apiKeys.list(app.projectId).all();
  const rotated = await client.apiKeys.rotate(app.projectId, key?.id ?? "", { grace_seconds: 0 });
  const { client: user, account } = await endUser({ ...app, apiKey: rotated.key });
  await expect(endUser(app)).rejects.toMatchObject({ code: "api_key_rotated" });
  expect(await client.apiKeys.usage(app.projectId, rotated.id)).toBeInstanceOf(Array);

  await client.users.update(app.projectId, account.id, { is_active: false });
  await expect(user.auth.me()).rejects.toMatchObject({ status: 401 });
  expect((await client.projects.stats(app.projectId)).users).toMatchObject({ total: 1 });

  await client.projects.delete(app.projectId);
  await expect(client.projects.get(app.projectId)).rejects.toMatchObject({ status: 404 });
  expect(await client.projects.restore(app.projectId)).toMatchObject({ id: app.projectId });
});

test("a mail preview stores nothing, and an unverified developer cannot send a test mail", async () => {
  const { client, app } = await developer();
  const mail = { language: "fr", sender_name: "Cartes", accent_color: "#1d4ed8" } as const;
  const tried = await client.projects.previewMail(app.projectId, { kind: "verification", mail });
  expect(tried).toMatchObject({ from_name: "Cartes", subject: "Confirmez votre adresse e-mail pour Cartes" });
  expect((await client.projects.get(app.projectId)).mail.sender_name).toBeNull();
  const kept = await client.projects.update(app.projectId, { mail });
  expect(kept.mail).toEqual({ ...mail, logo_url: null, footer: null });
  await expect(client.projects.testMail(app.projectId, { kind: "verification" })).rejects.toMatchObject({
    code: "account_not_verified",
  });
});

test("an SDK error has the status and code of the API, and advice in the SDK's terms", async () => {
  const { client, account, app } = await developer();
  const user = createClient(app);
  await expect(user.auth.login({ email: account.email, password })).rejects.toMatchObject({
    status: 401,
    code: "invalid_credentials",
    message: expect.stringContaining("Incorrect email or password. End users sign in with the projectId"),
  });
  const { apiKey: _, ...keyless } = app;
  const session = memorySession();
  await createClient({ ...keyless, session }).auth.register({ email: freshEmail(), password });
  await expect(createClient({ ...keyless, session }).generations.create({ prompt: "x" })).rejects.toThrow(
    "Pass apiKey to createClient. (403 api_key_required, request ",
  );
  await expect(user.auth.register({ email: freshEmail(), password: "short" })).rejects.toMatchObject({
    status: 422,
    errors: expect.arrayContaining([expect.objectContaining({ loc: ["body", "password"] })]),
  });
  await expect(client.projects.get(crypto.randomUUID())).rejects.toMatchObject({ code: "project_not_found" });
  await expect(createClient({ url: `${url}/nowhere` }).health.live()).rejects.toThrow(
    "Check the url of createClient. (404 not_found",
  );
});

test("the SDK reads liveness and the health report without credentials", async () => {
  const client = createClient({ url });
  expect(await client.health.live()).toMatchObject({ status: "healthy" });
  const report = await until(
    "every part is healthy",
    () => client.health.get(),
    ({ status }) => status === "healthy",
  );
  expect(report.database).toMatchObject({ status: "healthy" });
});
