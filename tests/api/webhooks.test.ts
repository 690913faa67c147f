import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyWebhook } from "../../packages/client/src/verify-webhook.ts";
import {
  api,
  type Developer,
  errorOf,
  freshEmail,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { rest } from "../support/call-gateway.ts";
import { EventReceiver } from "../support/event-receiver.ts";
import { formOf, freshPrompt } from "../support/generation.ts";
import { openDatabase, putOnPlan, reconcile } from "../support/management.ts";
import { until } from "../support/until.ts";

const sql = openDatabase();
let receiver: EventReceiver;
beforeAll(async () => {
  receiver = await EventReceiver.start();
});
afterAll(() => receiver.stop());

const every = ["generation.completed", "generation.failed", "generation.canceled"];
const hooksOf = ({ project }: Developer) => `/projects/${project.id}/webhooks`;

async function createHook(developer: Developer, json: object = {}) {
  const path = `${receiver.url}/${developer.id}`;
  return api(hooksOf(developer), { headers: developer.headers, json: { url: path, events: every, ...json } });
}

const eventsFor = ({ project }: Developer) =>
  receiver.events.filter(({ data }) => data.project_id === project.id);

async function createPicture(developer: Developer, prompt = freshPrompt()): Promise<string> {
  const user = await registerEndUser(developer.project);
  const { body } = await api("/generation/generate-v2", { headers: user.headers, body: formOf(prompt) });
  return body.id;
}

test("only create and rotate show a webhook's secret; its list, the audit log and PostgREST do not", async () => {
  const developer = await registerDeveloper();
  const { status, body } = await createHook(developer, { description: "Orders" });
  expect(status).toBe(201);
  expect(body).toMatchObject({ description: "Orders", events: every, is_active: true, disabled_at: null });
  expect(body.secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
  const listed = await api<Record<string, unknown>[]>(hooksOf(developer), { headers: developer.headers });
  expect(listed.body).toHaveLength(1);
  const rotated = await api(`${hooksOf(developer)}/${body.id}/rotate`, {
    method: "POST",
    headers: developer.headers,
  });
  expect(rotated.status).toBe(201);
  expect(rotated.body.secret).not.toBe(body.secret);
  const audit = await api(`/projects/${developer.project.id}/audit?resource=webhook`, {
    headers: developer.headers,
  });
  expect(audit.body.events.map(({ action }: { action: string }) => action)).toEqual(["update", "create"]);
  const table = await rest({ token: developer.token }, "GET", "webhooks?select=*");
  for (const text of [listed.body, audit.body, table.body].map((shown) => JSON.stringify(shown)))
    for (const { secret } of [body, rotated.body]) expect(text).not.toContain(secret);
  const secrets = await rest({ token: developer.token }, "GET", "webhooks?select=secret");
  expect(secrets.code).toBe("42501");
});

test("a completed generation is delivered once, signed, with the image's URL", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(developer);
  const id = await createPicture(developer);
  const [event] = await until(
    "an event arrives",
    () => eventsFor(developer),
    (events) => events.length > 0,
  );
  expect(event).toMatchObject({
    type: "generation.completed",
    data: { id, status: "completed", error: null },
  });
  expect((await fetch(event?.data.generated_image_url)).status).toBe(200);
  const verified = await verifyWebhook(event?.text ?? "", event?.headers ?? {}, hook.secret);
  expect(verified).toMatchObject({ type: "generation.completed", data: { id } });
  const log = await until(
    "the delivery is listed",
    () => api(`${hooksOf(developer)}/${hook.id}/deliveries?status=delivered`, { headers: developer.headers }),
    ({ body }) => body.total === 1,
  );
  expect(log.headers.get("x-total-count")).toBe("1");
  expect(log.body.deliveries).toMatchObject([
    { id: event?.id, subject_id: id, attempts: 1, response_status: 204, error: null, next_attempt_at: null },
  ]);
});

test("webhooks deliver failures, cancels, user events and a reached quota, each with its subject", async () => {
  const developer = await registerDeveloper();
  const events = [...every, "user.created", "user.verified", "user.deleted", "quota.reached"];
  await createHook(developer, { events });
  const email = freshEmail("hooked");
  const user = await registerEndUser(developer.project, email);
  await sql`update public.users set email_verified_at = now() where id = ${user.id}`;
  const make = (prompt: string) =>
    api("/generation/generate-v2", { headers: user.headers, body: formOf(`${freshPrompt()} ${prompt}`) });
  const failed = (await make("[[fail]]")).body.id;
  await until(
    "the failure arrives",
    () => eventsFor(developer),
    (delivered) => delivered.some(({ type }) => type === "generation.failed"),
  );
  const canceled = (await make("[[slow 5000]]")).body.id;
  await api(`/generation/${canceled}/cancel`, { method: "POST", headers: user.headers });
  const [{ used = 0 } = {}] = await sql<{ used: number }[]>`
    select generations as used from public.generation_usage where project_id = ${developer.project.id}`;
  await putOnPlan(sql, developer, "free");
  await sql`update public.generation_usage set generations = 100 where project_id = ${developer.project.id}`;
  await sql`update public.generation_usage set generations = ${used} where project_id = ${developer.project.id}`;
  await sql`update public.generation_usage set generations = 100 where project_id = ${developer.project.id}`;
  await sql`delete from auth.users where id = ${user.id}`;
  const delivered = await until(
    "six events arrived",
    async () => {
      await reconcile();
      return eventsFor(developer);
    },
    (found) => found.length >= 6,
  );
  const subjects = delivered.map(({ type, data }) => [type, data.id ?? data.limit]).sort();
  expect(subjects).toEqual(
    [
      ["generation.canceled", canceled],
      ["generation.failed", failed],
      ["quota.reached", 100],
      ["user.created", user.id],
      ["user.deleted", user.id],
      ["user.verified", user.id],
    ].sort(),
  );
  expect(delivered.find(({ type }) => type === "user.created")?.data).toMatchObject({ email });
  expect(delivered.find(({ type }) => type === "user.deleted")?.data).toEqual({
    id: user.id,
    project_id: developer.project.id,
  });
});

test("in the grace of a rotation both webhook secrets verify a delivery; without a grace only the new one does", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(developer);
  const path = `${hooksOf(developer)}/${hook.id}`;
  const sent = async () => {
    const { status, body } = await api(`${path}/test`, { method: "POST", headers: developer.headers });
    expect(status).toBe(202);
    const found = await until("the event arrives", () => receiver.events.find(({ id }) => id === body.id));
    return (secret: string) => verifyWebhook(found?.text ?? "", found?.headers ?? {}, secret);
  };
  const { body: second } = await api(`${path}/rotate`, {
    headers: developer.headers,
    json: { grace_seconds: 60 },
  });
  let verify = await sent();
  for (const secret of [hook.secret, second.secret])
    expect(await verify(secret)).toMatchObject({ type: "test" });
  const { body: third } = await api(`${path}/rotate`, {
    headers: developer.headers,
    json: { grace_seconds: 0 },
  });
  verify = await sent();
  await expect(verify(second.secret)).rejects.toThrow("The signature is wrong");
  expect(await verify(third.secret)).toMatchObject({ type: "test" });
});

test("a failed delivery is repeated with the same id and in order, and a redirect counts as failed", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(developer, {
    events: ["user.created", "user.verified", "user.deleted"],
  });
  const replies: (number | "hang up")[] = [500, 302, "hang up"];
  receiver.reply = ({ data }, turn) =>
    data.project_id === developer.project.id ? (replies[turn - 1] ?? 204) : 204;
  const user = await registerEndUser(developer.project);
  await sql`update public.users set email_verified_at = now() where id = ${user.id}`;
  const attempts = () => receiver.deliveries.filter(({ data }) => data.project_id === developer.project.id);
  for (let turn = 1; turn <= 4; turn++) {
    await until("the event was sent again", attempts, ({ length }) => length >= turn);
    // The second event waits for the first. The test skips the wait before the next attempt.
    if (turn === 4) break;
    expect(new Set(attempts().map(({ type }) => type))).toEqual(new Set(["user.created"]));
    await until(
      "its next attempt waits",
      () => sql`update public.webhook_deliveries set next_attempt_at = now()
        where webhook_id = ${hook.id} and event = 'user.created' and error is not null and attempts = ${turn}
          and next_attempt_at > now() returning id`,
      ({ length }) => length === 1,
    );
    await reconcile();
  }
  await until(
    "the later event arrives",
    async () => {
      await reconcile();
      return attempts().map(({ type }) => type);
    },
    (types) => types.includes("user.verified"),
  );
  expect(new Set(attempts().map(({ id }) => id)).size).toBe(2);
  receiver.reply = () => 204;
});

test("a webhook is disabled after a 410 or three days of failures, and enabling it again sends what waits", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(developer);
  const path = `${hooksOf(developer)}/${hook.id}`;
  const state = async () => {
    const { body } = await api<Record<string, any>[]>(hooksOf(developer), { headers: developer.headers });
    return body[0] ?? {};
  };
  receiver.reply = () => 410;
  await api(`${path}/test`, { method: "POST", headers: developer.headers });
  await until("the webhook is disabled", state, ({ disabled_at }) => disabled_at !== null);
  expect((await state()).is_active).toBe(false);
  const { body: listed } = await api(`${path}/deliveries`, { headers: developer.headers });
  const replay = `${path}/deliveries/${listed.deliveries[0].id}/replay`;
  expect(errorOf(await api(replay, { method: "POST", headers: developer.headers }))).toMatchObject({
    status: 409,
    code: "webhook_inactive",
  });
  expect(errorOf(await api(`${path}/test`, { method: "POST", headers: developer.headers }))).toMatchObject({
    status: 409,
    code: "webhook_inactive",
  });
  const on = () => api(path, { method: "PATCH", headers: developer.headers, json: { is_active: true } });
  expect((await on()).body).toMatchObject({ is_active: true, disabled_at: null, failing_since: null });

  receiver.reply = () => 500;
  const { body: waiting } = await api(`${path}/test`, { method: "POST", headers: developer.headers });
  await until("the first failure is noted", state, ({ failing_since }) => failing_since !== null);
  await sql`update public.webhooks set failing_since = now() - interval '4 days' where id = ${hook.id}`;
  await sql`update public.webhook_deliveries set next_attempt_at = now() where id = ${waiting.id}`;
  await reconcile();
  await until("the webhook is disabled", state, ({ disabled_at }) => disabled_at !== null);
  receiver.reply = () => 204;
  await on();
  await sql`update public.webhook_deliveries set next_attempt_at = now() where id = ${waiting.id}`;
  await reconcile();
  const log = () => api(`${path}/deliveries`, { headers: developer.headers });
  await until(
    "the waiting event is delivered",
    log,
    ({ body }) => body.deliveries.find(({ id }: { id: string }) => id === waiting.id)?.status === "delivered",
  );

  const { status, body: again } = await api(`${path}/deliveries/${waiting.id}/replay`, {
    method: "POST",
    headers: developer.headers,
  });
  expect([status, again.status]).toEqual([202, "waiting"]);
  await until(
    "the replay arrives",
    () => receiver.deliveries.filter(({ id }) => id === waiting.id),
    ({ length }) => length >= 3,
  );
});

test.each([
  ["ftp://app.example.com/"],
  ["no address"],
  ["https://user:secret@app.example.com/"],
  ["https://app.example.com/#here"],
])("a webhook with the URL %s is refused", async (url) => {
  const developer = await registerDeveloper();
  const answer = await createHook(developer, { url });
  expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  expect(JSON.stringify(answer.body)).toContain("must begin with https://");
});

test("a webhook with unknown events or fields is refused with 422, and an eleventh webhook with 403", async () => {
  const developer = await registerDeveloper();
  for (const json of [
    { events: ["generation.created"] },
    { events: [] },
    { url: undefined },
    { secret: "mine" },
  ])
    expect((await createHook(developer, json)).status).toBe(422);
  const answers = await Promise.all(Array.from({ length: 12 }, () => createHook(developer)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(10).fill(201), 403, 403]);
});

test("another developer, an end user and an anonymous caller can neither read nor change a webhook", async () => {
  const [developer, other] = [await registerDeveloper(), await registerDeveloper()];
  const user = await registerEndUser(developer.project);
  const { body: hook } = await createHook(developer);
  const { body: delivery } = await api(`${hooksOf(developer)}/${hook.id}/test`, {
    method: "POST",
    headers: developer.headers,
  });
  const one = `${hooksOf(developer)}/${hook.id}`;
  const calls: [string, string, object?][] = [
    ["GET", hooksOf(developer)],
    ["POST", hooksOf(developer), { url: receiver.url, events: every }],
    ["PATCH", one, { is_active: false }],
    ["POST", `${one}/rotate`, {}],
    ["POST", `${one}/test`],
    ["GET", `${one}/deliveries`],
    ["POST", `${one}/deliveries/${delivery.id}/replay`],
    ["DELETE", one],
  ];
  for (const [method, path, json] of calls) {
    const as = async (headers: Record<string, string>) => {
      const answer = await api(path, { method, headers, ...(json && { json }) });
      return [answer.status, errorOf(answer).code];
    };
    expect(await as(other.headers)).toEqual([404, "project_not_found"]);
    expect(await as({ Authorization: user.headers.Authorization ?? "" })).toEqual([403, "developers_only"]);
    expect(await as({})).toEqual([401, "not_authenticated"]);
    // The path of another project does not lead to the webhook.
    const crossed = await api(path.replace(developer.project.id, other.project.id), {
      method,
      headers: other.headers,
      ...(json && { json }),
    });
    if (path !== hooksOf(developer))
      expect(errorOf(crossed)).toMatchObject({ status: 404, code: "webhook_not_found" });
  }
  const unknown = `${one}/deliveries/${developer.id}/replay`;
  expect(errorOf(await api(unknown, { method: "POST", headers: developer.headers }))).toMatchObject({
    status: 404,
    code: "delivery_not_found",
  });
  expect((await api(one, { method: "DELETE", headers: developer.headers })).status).toBe(204);
  expect(await sql`select 1 from public.webhook_deliveries where webhook_id = ${hook.id}`).toHaveLength(0);
});
