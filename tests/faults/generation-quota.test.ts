import { afterAll, expect, inject, test } from "vitest";
import { api, registerDeveloper, registerEndUser } from "../support/api.ts";
import { freshPrompt, GenerationStack } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

test("exactly one of 1,000 parallel creates gets the last unit of a monthly quota", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  await stack.sql`insert into public.plans (id, generations_per_month) values ('last-unit', 3) on conflict do nothing`;
  await stack.setPlan(project.id, "last-unit");
  await stack.sql`insert into public.generation_usage (project_id, month, generations)
    values (${project.id}, date_trunc('month', now() at time zone 'utc')::date, 2)`;
  const prompt = freshPrompt();
  const answers = await Promise.all(
    Array.from({ length: 1000 }, () => stack.sendCreate(prompt, user.headers)),
  );
  const taken = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ body }) => body.code === "quota_exceeded");
  expect([taken.length, refused.length]).toEqual([1, 999]);
  const wait = Number(refused[0]?.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(31 * 86_400);
  expect(await stack.chargesOf(project.id)).toBe(3);
  await stack.waitForEnd(taken[0]?.body.id, user.headers);
  expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
});

test("twenty parallel creates start only as many generations as the plan allows, and a cancel frees one place", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  await stack.setPlan(project.id, "starter");
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => stack.sendCreate(`${freshPrompt()} [[stall]]`, user.headers)),
  );
  const running = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ body }) => body.code === "concurrency_limit_reached");
  expect([running.length, refused.length]).toEqual([3, 17]);
  expect(refused[0]?.headers.get("retry-after")).toBe("5");
  await api(`/generation/${running[0]?.body.id}/cancel`, { method: "POST", headers: user.headers });
  expect((await stack.sendCreate(freshPrompt(), user.headers)).status).toBe(200);
});

test("a failed generation is refunded exactly once when twenty transactions end it at the same time", async () => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "premium");
  const user = await registerEndUser(project);
  await stack.waitForEnd((await stack.makeGeneration(freshPrompt(), user.headers)).id, user.headers);
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, user.headers);
  expect(await stack.chargesOf(project.id)).toBe(2);
  await until(
    "it runs",
    () => stack.rowOf(id),
    ({ status }) => status === "processing",
  );
  const ends = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const [row] = await stack.sql.begin(async (sql) => {
        return sql`select private.fail_generation(${id}, 'timed_out', 'x', ${index % 2 === 0 ? "failed" : "canceled"}, null) as won`;
      });
      return row?.won;
    }),
  );
  expect(ends.filter(Boolean)).toHaveLength(1);
  await api(`/generation/${id}`, { method: "DELETE", headers: user.headers });
  expect(await stack.chargesOf(project.id)).toBe(1);
});

test("deleting a user deletes their files, cancels running predictions and refunds them", async () => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "premium");
  const user = await registerEndUser(project);
  const done = await stack.waitForEnd(
    (await stack.makeGeneration(freshPrompt(), user.headers)).id,
    user.headers,
  );
  const running = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, user.headers);
  const { prediction_id } = await until(
    "it runs",
    () => stack.rowOf(running.id),
    (row) => row.prediction_id !== null,
  );
  await stack.sql`delete from public.users where id = ${user.id}`;
  await until("files and prediction are gone", async () => {
    await stack.sql`update private.cleanup_tasks set next_attempt_at = now()
      where generation_id in ${stack.sql([done.id, running.id])}`;
    await stack.reconcile();
    // The test may make a running task due again, so a prediction may be canceled twice. That does no harm.
    return (
      (await stack.filesOf(done.id)).length === 0 &&
      (await stack.callsAbout(prediction_id, "cancel")).length > 0
    );
  });
  expect(await stack.chargesOf(project.id)).toBe(1);
});
