import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createClient, type GenerationEvent, memorySession } from "../../packages/client/src/index.ts";
import { EventReceiver } from "../support/event-receiver.ts";
import { type Body, formOf, freshPrompt } from "../support/generation.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";
import { until } from "../support/until.ts";

let stack: OwnGenerationStack;
beforeAll(async () => {
  stack = await OwnGenerationStack.start();
  // A transaction stops at the state that its prompt names, until the test releases the lock. The test then kills a process.
  await stack.sql.unsafe(`
    create function private.stop_at_state() returns trigger language plpgsql set search_path = '' as $$
    begin
      if new.instructions like '%stop:' || new.submission || '%' and new.submission is distinct from old.submission
        or new.instructions like '%stop:' || new.status || '%' and new.status is distinct from old.status
      then
        perform pg_advisory_xact_lock_shared(4711);
      end if;
      return new;
    end $$;
    grant execute on function private.stop_at_state() to service_role;
    create trigger a_stop before update on public.generations for each row execute function private.stop_at_state();`);
});
afterAll(() => stack.stop());

/** Runs `meanwhile` with every such transaction stopped, then ends those that still wait, since their client is dead. */
async function whileStopped(meanwhile: () => Promise<void>): Promise<void> {
  await stack.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(4711)`;
    await meanwhile();
    await stack.sql`select pg_terminate_backend(pid) from pg_locks
      where locktype = 'advisory' and objid = 4711 and not granted`;
  });
}

const untilStopped = () =>
  until(
    "a transaction is stopped",
    () => stack.sql`select 1 from pg_locks where locktype = 'advisory' and objid = 4711 and not granted`,
    (rows) => rows.length > 0,
  );

test("a function killed between the upload and the row creates nothing, and its orphaned file is deleted", async () => {
  const prompt = freshPrompt();
  const charged = await stack.chargesOf(stack.project_id);
  let id = "";
  await stack.sql.begin(async (sql) => {
    await sql`lock table public.generation_usage in exclusive mode`;
    const answer = fetch(`${stack.own.urls.api}/generation/generate-v2`, {
      method: "POST",
      headers: stack.headers,
      body: formOf(prompt),
    });
    await until("the create waits for its row", async () => {
      const [object] = await stack.sql`select name from storage.objects where bucket_id = 'uploads'`;
      id = String(object?.name ?? "").split("/")[1] ?? "";
      return object !== undefined && (await stack.sql`select 1 from pg_locks where not granted`).length > 0;
    });
    const pid = stack.functionPid();
    process.kill(pid, "SIGKILL");
    expect((await answer).status).toBe(502);
    await stack.sql`select pg_terminate_backend(pid) from pg_locks where not granted`;
  });
  await until("the function is back", () => stack.isAnswering());
  expect(await stack.sql`select 1 from public.generations where instructions = ${prompt}`).toHaveLength(0);
  expect(await stack.chargesOf(stack.project_id)).toBe(charged);
  expect(await stack.filesOf(id)).toHaveLength(1);
  expect(await stack.deleteOrphans()).toBe(1);
  expect(await stack.filesOf(id)).toEqual([]);
});

test("a function killed after the row and before the lease: the reconciler sends the generation once", async () => {
  const prompt = `${freshPrompt()} stop:submitting`;
  let id = "";
  await whileStopped(async () => {
    id = (await stack.makeGeneration(prompt, stack.headers)).id;
    await untilStopped();
    await stack.killFunction();
  });
  await stack.reconcileUntilEnd(id, stack.headers);
  await stack.expectSettled(id, prompt, "completed");
  expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
});

test("a function killed with the lease and before the request: the generation fails unsent and is not charged", async () => {
  const prompt = `${freshPrompt()} stop:submitting`;
  let id = "";
  await stack.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(4711)`;
    id = (await stack.makeGeneration(prompt, stack.headers)).id;
    await untilStopped();
    await stack.killFunction();
  });
  await until(
    "a dead process holds the lease",
    () => stack.rowOf(id),
    ({ submission }) => submission === "submitting",
  );
  await stack.makeOlder(id, "16 minutes");
  await stack.reconcileUntilEnd(id, stack.headers);
  expect(await stack.expectSettled(id, prompt, "failed")).toMatchObject({ error_code: "submission_unclear" });
  expect(await stack.callsAbout(prompt, "create")).toHaveLength(0);
});

test.each([
  ["whose webhook arrives", ""],
  ["whose webhooks are lost", " [[lose_webhook]] [[lose_webhook]]"],
])(
  "a function killed during its request %s: the generation completes and was sent once",
  async (_, fault) => {
    const prompt = `${freshPrompt()} [[hold 60000]]${fault}`;
    if (fault !== "") await stack.addFault(prompt, { kind: "lose_webhook", event: "start" });
    const { id } = await stack.makeGeneration(prompt, stack.headers);
    await until(
      "the provider has the request",
      () => stack.callsAbout(prompt, "create"),
      ({ length }) => length === 1,
    );
    await stack.killFunction();
    await stack.reconcileUntilEnd(id, stack.headers);
    await stack.expectSettled(id, prompt, "completed");
  },
);

test("a function killed before it recorded the provider's answer: the generation completes and was sent once", async () => {
  const prompt = `${freshPrompt()} stop:accepted`;
  let id = "";
  await whileStopped(async () => {
    id = (await stack.makeGeneration(prompt, stack.headers)).id;
    await untilStopped();
    await stack.killFunction();
  });
  await stack.reconcileUntilEnd(id, stack.headers);
  await stack.expectSettled(id, prompt, "completed");
});

test("a function killed during the download of the picture: the generation completes with one stored file", async () => {
  const prompt = `${freshPrompt()} [[lose_webhook]]`;
  await stack.addFault(prompt, { kind: "file_slow", ms: 60_000 }, 1);
  const { id } = await stack.makeGeneration(prompt, stack.headers);
  const { prediction_id } = await until(
    "it was sent",
    () => stack.rowOf(id),
    (row) => row.prediction_id !== null,
  );
  await until("it has succeeded", async () => {
    const response = await fetch(`${stack.own.urls.replicate}/v1/predictions/${prediction_id}`, {
      headers: { authorization: `Bearer ${stack.own.keys.replicate_token}` },
    });
    return (await response.json()).status === "succeeded";
  });
  await stack.makeDue(id);
  const reconciling = stack.reconcile().catch(() => "cut off");
  await until("the picture is being downloaded", async () => {
    const rules = (await (await fetch(`${stack.own.urls.replicate}/_faults`)).json()) as Body[];
    return rules.some((rule) => rule.match === prompt && rule.times === 0);
  });
  await stack.killFunction();
  expect(await reconciling).toBe("cut off");
  await stack.reconcileUntilEnd(id, stack.headers);
  await stack.expectSettled(id, prompt, "completed");
});

test("a function killed between storing the picture and completing: one stored file and one charge", async () => {
  const prompt = `${freshPrompt()} stop:completed`;
  let id = "";
  await whileStopped(async () => {
    id = (await stack.makeGeneration(prompt, stack.headers)).id;
    await untilStopped();
    expect(await stack.filesOf(id)).toHaveLength(1);
    await stack.killFunction();
  });
  await stack.reconcileUntilEnd(id, stack.headers);
  await stack.expectSettled(id, prompt, "completed");
});

test("a stream of the SDK continues when the function is killed twice, and gives each event once", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[slow 15000]]`, stack.headers);
  const client = createClient({
    url: stack.own.urls.gateway,
    developerKey: stack.headers["X-Developer-Key"],
    projectId: stack.headers["X-Project-ID"],
    apiKey: stack.headers["X-API-Key"],
    session: memorySession({
      access_token: String(stack.headers.Authorization).slice("Bearer ".length),
      refresh_token: "none",
      expires_at: new Date(Date.now() + 600_000).toISOString(),
    }),
  });
  const events: GenerationEvent[] = [];
  const kills: string[] = [];
  for await (const event of client.generations.stream(id)) {
    events.push(event);
    const moment = event.type === "status" ? event.generation.status : event.type;
    if (kills.includes(moment) || !["processing", "progress"].includes(moment)) continue;
    kills.push(moment);
    await stack.killFunction();
  }
  expect(kills).toEqual(["processing", "progress"]);
  const states = events.flatMap((event) => (event.type === "status" ? [event.generation.status] : []));
  expect(states).toEqual(["pending", "processing", "completed"]);
  const ids = events.map((event) => event.id);
  expect(new Set(ids).size).toBe(ids.length);
});

// The last test, since its webhook receives the events of every later generation.
test("each generation's end is delivered once, even if the function is killed and the receiver fails", async () => {
  const receiver = await EventReceiver.start();
  onTestFinished(() => receiver.stop());
  await stack.sql`insert into public.webhooks (project_id, url, events, secret) values (${stack.project_id}, ${receiver.url},
    '{generation.completed,generation.failed,generation.canceled}', ${`whsec_${Buffer.alloc(24, 7).toString("base64")}`})`;
  const replies = [500, "hang up", 204] as const;
  receiver.reply = (_, turn) => replies[Math.min(turn, 3) - 1] ?? 204;
  const prompts = Array.from({ length: 6 }, (_, at) => `${freshPrompt()} ${at % 2 === 0 ? "" : "[[fail]]"}`);
  const ids = await Promise.all(
    prompts.map(async (prompt) => (await stack.makeGeneration(prompt, stack.headers)).id),
  );
  // A kill during the submission would leave an unclear outcome for minutes. Other tests cover it.
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
