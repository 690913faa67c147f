import { afterAll, beforeAll, expect, test } from "vitest";
import { EventReceiver } from "../support/event-receiver.ts";
import { freshPrompt } from "../support/generation.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";
import { until } from "../support/until.ts";

let stack: OwnGenerationStack;
let receiver: EventReceiver;
beforeAll(async () => {
  [stack, receiver] = await Promise.all([OwnGenerationStack.start(), EventReceiver.start()]);
  await stack.sql`insert into public.webhooks (project_id, url, events, secret) values (${stack.project_id}, ${receiver.url},
    '{generation.completed,generation.failed,generation.canceled}', ${`whsec_${Buffer.alloc(24, 7).toString("base64")}`})`;
});
afterAll(async () => {
  await receiver.stop();
  await stack.stop();
});

test("each generation's end is delivered once, even if the function is killed and the receiver fails", async () => {
  const replies = [500, "hang up", 204] as const;
  receiver.reply = (_, turn) => replies[Math.min(turn, 3) - 1] ?? 204;
  const prompts = Array.from({ length: 6 }, (_, at) => `${freshPrompt()} ${at % 2 === 0 ? "" : "[[fail]]"}`);
  const ids = await Promise.all(
    prompts.map(async (prompt) => (await stack.makeGeneration(prompt, stack.headers)).id),
  );
  // A kill during the submission would leave an unclear outcome for minutes. tests/faults/generation-killed.test.ts covers it.
  await until("the provider has all", async () =>
    (await Promise.all(ids.map((id) => stack.rowOf(id)))).every((row) => row.submission === "accepted"),
  );
  /** Makes all work due now. @returns whether every generation has ended and every event was delivered. */
  async function isAllDelivered(): Promise<boolean> {
    await stack.sql`update public.generations set next_check_at = now() where next_check_at is not null`;
    await stack.sql`update public.webhook_deliveries set next_attempt_at = now() where status = 'waiting'`;
    await stack.reconcile().catch(() => {});
    const [{ left = 1 } = {}] = await stack.sql<{ left: number }[]>`
      select (select count(*) from public.webhook_deliveries where status <> 'delivered')::integer
        + (select count(*) from public.generations where completed_at is null)::integer as left`;
    return left === 0;
  }
  for (let kills = 0; kills < 3; kills++) {
    const seen = receiver.deliveries.length;
    await until(
      "something was sent",
      async () => (await isAllDelivered()) || receiver.deliveries.length > seen,
    );
    await stack.killFunction();
  }
  await until("every event was delivered", isAllDelivered);
  const delivered = receiver.events.map(({ type, data }) => `${data.id} ${type}`).sort();
  expect(delivered).toEqual(
    ids.map((id, at) => `${id} generation.${at % 2 === 0 ? "completed" : "failed"}`).sort(),
  );
});
