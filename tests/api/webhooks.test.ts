import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyWebhook } from "../../packages/client/src/verify-webhook.ts";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { rest } from "../support/call-gateway.ts";
import { createHook, EventReceiver, endOfGeneration, hooksOf } from "../support/event-receiver.ts";
import { openDatabase } from "../support/management.ts";
import { until } from "../support/until.ts";

const sql = openDatabase();
let receiver: EventReceiver;
beforeAll(async () => {
  receiver = await EventReceiver.start();
});
afterAll(() => receiver.stop());

test("only create and rotate show a webhook's secret; its list, the audit log and PostgREST do not", async () => {
  const developer = await registerDeveloper();
  const { status, body } = await createHook(receiver, developer, { description: "Orders" });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    description: "Orders",
    events: endOfGeneration,
    is_active: true,
    disabled_at: null,
  });
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

test("in the grace period of a rotation both webhook secrets verify a delivery; without one only the new secret does", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(receiver, developer);
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

test.each([
  ["ftp://app.example.com/"],
  ["no address"],
  ["https://user:secret@app.example.com/"],
  ["https://app.example.com/#here"],
])("a webhook with the URL %s is refused", async (url) => {
  const developer = await registerDeveloper();
  const answer = await createHook(receiver, developer, { url });
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
    expect((await createHook(receiver, developer, json)).status).toBe(422);
  const answers = await Promise.all(Array.from({ length: 12 }, () => createHook(receiver, developer)));
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(10).fill(201), 403, 403]);
});

test("another developer, an end user and an anonymous caller can neither read nor change a webhook", async () => {
  const [developer, other] = [await registerDeveloper(), await registerDeveloper()];
  const user = await registerEndUser(developer.project);
  const { body: hook } = await createHook(receiver, developer);
  const { body: delivery } = await api(`${hooksOf(developer)}/${hook.id}/test`, {
    method: "POST",
    headers: developer.headers,
  });
  const one = `${hooksOf(developer)}/${hook.id}`;
  const calls: [string, string, object?][] = [
    ["GET", hooksOf(developer)],
    ["POST", hooksOf(developer), { url: receiver.url, events: endOfGeneration }],
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
