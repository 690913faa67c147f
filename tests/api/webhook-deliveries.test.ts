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
import { createHook, EventReceiver, endOfGeneration, hooksOf } from "../support/event-receiver.ts";
import { formOf, freshPrompt } from "../support/generation.ts";
import { openDatabase, putOnPlan, reconcile } from "../support/management.ts";
import { until } from "../support/until.ts";

const sql = openDatabase();
let receiver: EventReceiver;
beforeAll(async () => {
  receiver = await EventReceiver.start();
});
afterAll(() => receiver.stop());

const eventsFor = ({ project }: Developer) =>
  receiver.events.filter(({ data }) => data.project_id === project.id);

async function createPicture(developer: Developer, prompt = freshPrompt()): Promise<string> {
  const user = await registerEndUser(developer.project);
  const { body } = await api("/generation/generate-v2", { headers: user.headers, body: formOf(prompt) });
  return body.id;
}

test("a completed generation is delivered once, signed, with the image's URL", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(receiver, developer);
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
  const events = [...endOfGeneration, "user.created", "user.verified", "user.deleted", "quota.reached"];
  await createHook(receiver, developer, { events });
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

test("a failed delivery is repeated with the same id and in order, and a redirect counts as failed", async () => {
  const developer = await registerDeveloper();
  const { body: hook } = await createHook(receiver, developer, {
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
  const { body: hook } = await createHook(receiver, developer);
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
