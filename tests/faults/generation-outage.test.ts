import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { password } from "../support/api.ts";
import { formOf, freshPrompt, photo } from "../support/generation.ts";
import { waitForWindow } from "../support/limits.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";
import { until } from "../support/until.ts";

let stack: OwnGenerationStack;
beforeAll(async () => {
  // Durable as `npm start`, since PostgreSQL is killed here.
  stack = await OwnGenerationStack.start({
    durable: true,
    function_env: { ANONYMOUS_GENERATION: "off" },
  });
});
afterAll(() => stack.stop());

const send = (path: string, body: FormData, headers = {}) =>
  fetch(`${stack.own.urls.api}/generation/${path}`, { method: "POST", headers, body });

test("the function uses less than 256 MB during ten parallel uploads of 10 MB", async () => {
  const picture = new Uint8Array(10 * 1024 * 1024);
  picture.set(new Uint8Array(await photo().arrayBuffer()));
  const file = new Blob([picture], { type: "image/png" });
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => send("generate-v2", formOf(freshPrompt(), [file]), stack.headers)),
  );
  const bodies = await Promise.all(answers.map((answer) => answer.text()));
  expect(
    answers.map(({ status }) => status),
    bodies.join(),
  ).toEqual(Array(10).fill(200));
  // Linux gives the peak memory of the process in kB.
  const status = readFileSync(`/proc/${stack.functionPid()}/status`, "utf8");
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  console.log(`The function used ${Math.round(peak)} MB at most.`);
  expect(peak).toBeLessThan(256);
  await until("all have ended", async () => {
    const [{ running } = {}] = await stack.sql`select count(*)::integer as running from public.generations
      where status in ('pending', 'processing')`;
    return running === 0;
  });
});

test("with ANONYMOUS_GENERATION=off a create without an account is 403, and nothing is stored or sent", async () => {
  const prompt = freshPrompt();
  for (const path of ["generate-anonymous-v2", "generate-anonymous"]) {
    const answer = await send(path, formOf(prompt));
    expect([answer.status, (await answer.json()).code]).toEqual([403, "anonymous_disabled"]);
  }
  expect(await stack.sql`select 1 from storage.objects where name like 'anonymous/%'`).toHaveLength(0);
  expect(await stack.sql`select 1 from public.generations where project_id is null`).toHaveLength(0);
  expect(await stack.callsAbout(prompt)).toEqual([]);
});

test("visitors who name no project have the read limit of the default plan", async () => {
  await waitForWindow({ reads_per_minute: 2 });
  await stack.sql`update public.plans set reads_per_minute = 2 where is_default`;
  const read = async (path: string) => (await fetch(`${stack.own.urls.api}/generation/${path}`)).status;
  const statuses = [await read("public"), await read("public")];
  statuses.push(await read(`anonymous-generations-v2/${randomUUID()}/status`));
  await stack.sql`update public.plans set reads_per_minute = null where is_default`;
  expect(statuses).toEqual([200, 200, 429]);
});

test("while Storage refuses uploads, a create fails and leaves nothing, and a result is stored later", async () => {
  const refuse = (bucket: string) =>
    stack.sql.unsafe(`
      create or replace function public.refuse() returns trigger language plpgsql as $$
      begin
        if new.bucket_id = '${bucket}' then raise exception 'disk full' using errcode = '53100'; end if;
        return new;
      end $$;
      create or replace trigger refuse before insert or update on storage.objects for each row execute function public.refuse();`);
  onTestFinished(async () => void (await stack.sql`drop trigger if exists refuse on storage.objects`));
  const charged = await stack.chargesOf(stack.project_id);
  const prompt = freshPrompt();
  await refuse("uploads");
  const response = await send("generate-v2", formOf(prompt), stack.headers);
  expect(response.status).toBeGreaterThanOrEqual(502);
  expect(await stack.sql`select 1 from public.generations where instructions = ${prompt}`).toHaveLength(0);
  expect(await stack.chargesOf(stack.project_id)).toBe(charged);

  await refuse("generations");
  const later = freshPrompt();
  const { id } = await stack.makeGeneration(later, stack.headers);
  await until("its webhook arrived", async () => {
    const { prediction_id } = await stack.rowOf(id);
    const sent = await stack.webhooksAbout(prediction_id ?? "none so far");
    return sent.some(({ event }) => event === "completed");
  });
  // The work of the webhook may postpone the next check after it was made due.
  await until("the reconciler could not store the result", async () => {
    await stack.makeDue(id);
    return ((await stack.reconcile()).generations?.failed ?? 0) >= 1;
  });
  expect(await stack.rowOf(id)).toMatchObject({ status: "processing", charge: "reserved" });
  await stack.sql.unsafe("drop trigger refuse on storage.objects");
  await stack.reconcileUntilEnd(id, stack.headers);
  await stack.expectSettled(id, later, "completed");
});

test("100 generations that run while PostgreSQL restarts all end, are sent at most once, and leave no orphaned file", async () => {
  const prompts = Array.from({ length: 100 }, () => `${freshPrompt()} [[slow 3000]]`);
  const created: { id: string; prompt: string }[] = [];
  const submit = async (prompt: string) => {
    const { status, body } = await stack.sendCreate(prompt, stack.headers);
    if (status === 200) created.push({ id: body.id, prompt });
  };
  await Promise.all(prompts.map(submit));
  expect(created).toHaveLength(100);
  await stack.restartPostgres();

  const ids = created.map(({ id }) => id);
  await until(
    "all have ended",
    async () => {
      await stack.makeDue(...ids);
      await stack.reconcile();
      const unclear =
        await stack.sql`select id from public.generations where prediction_id is null and id in ${stack.sql(ids)}
      and status = 'pending' and submission = 'unclear'`;
      for (const { id } of unclear) await stack.makeOlder(id, "16 minutes");
      const open = await stack.sql`select 1 from public.generations where id in ${stack.sql(ids)}
      and status in ('pending', 'processing')`;
      return open.length === 0;
    },
    Boolean,
    120_000,
  );
  const statuses = await Promise.all(
    created.map(async ({ id, prompt }) => {
      const { status } = await stack.rowOf(id);
      await stack.expectSettled(id, prompt, status);
      return status;
    }),
  );
  expect(statuses).toContain("completed");
  expect(await stack.deleteOrphans()).toBe(0);
}, 240_000);

test("a generation is deleted at once while Storage refuses deletions, and its file is deleted later", async () => {
  const { id } = await stack.makeGeneration(freshPrompt(), stack.headers);
  await stack.waitForEnd(id, stack.headers);
  await stack.sql.unsafe(`
    create function public.keep() returns trigger language plpgsql as $$ begin raise exception 'not now' using errcode = '53100'; end $$;
    create trigger keep before delete on storage.objects for each row execute function public.keep();`);
  const deleted = await fetch(`${stack.own.urls.api}/generation/${id}`, {
    method: "DELETE",
    headers: stack.headers,
  });
  expect(deleted.status).toBe(200);
  expect((await stack.readStatus(id, stack.headers)).status).toBe(404);
  expect(await stack.filesOf(id)).toHaveLength(1);
  await stack.sql.unsafe("drop trigger keep on storage.objects");
  await stack.sql`update private.cleanup_tasks set next_attempt_at = now()`;
  await stack.reconcile();
  expect(await stack.filesOf(id)).toEqual([]);
});

test("when the database's disk is full, a create is 503 and leaves no row, charge or file, and reads succeed", async () => {
  const { id } = await stack.makeGeneration(freshPrompt(), stack.headers);
  await stack.waitForEnd(id, stack.headers);
  const charged = await stack.chargesOf(stack.project_id);
  const files = () => stack.sql`select name from storage.objects order by 1`;
  const before = await files();
  // PostgreSQL raises this error when a table cannot grow.
  await stack.sql.unsafe(`
    create function public.full() returns trigger language plpgsql as $$
    begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
    create trigger full_disk before insert on public.generations for each row execute function public.full();`);
  const prompt = freshPrompt();
  const answer = await send("generate-v2", formOf(prompt), stack.headers);
  expect([answer.status, (await answer.json()).code]).toEqual([503, "database_unavailable"]);
  expect((await stack.readStatus(id, stack.headers)).status).toBe(200);
  expect(await stack.sql`select 1 from public.generations where instructions = ${prompt}`).toHaveLength(0);
  expect(await stack.chargesOf(stack.project_id)).toBe(charged);
  await stack.sql.unsafe("drop trigger full_disk on public.generations");
  // The API could not know whether the row exists, so the reconciler deletes the photo later.
  expect(await stack.deleteOrphans()).toBe(1);
  expect(await files()).toEqual(before);
  expect((await send("generate-v2", formOf(prompt), stack.headers)).status).toBe(200);
});

test("a mail server that hangs delays no registration, and the reconciler sends the mail when it answers again", async () => {
  const inbox = stack.own.processes.find(({ name }) => name === "The mail inbox")?.pid ?? 0;
  const email = "late@example.com";
  process.kill(inbox, "SIGSTOP");
  try {
    const start = performance.now();
    const { Authorization: _, ...app } = stack.headers;
    const registered = await fetch(`${stack.own.urls.api}/auth/register`, {
      method: "POST",
      headers: { ...app, "Content-Type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    expect(registered.status).toBe(201);
    // The timeout of a mail server is ten seconds.
    expect(performance.now() - start).toBeLessThan(5_000);
    const row = await until("the failed attempt is stored", async () => {
      const [found] = await stack.sql`
        select m.attempts, m.last_error, m.next_attempt_at > now() as waits
        from private.mail_outbox m join public.users u on u.id = m.user_id where u.email = ${email}`;
      return found?.last_error ? found : undefined;
    });
    expect(row).toMatchObject({ attempts: 1, waits: true });
    expect(row.last_error).toContain("the mail server refused");
    expect(row.last_error).not.toContain(email);
  } finally {
    process.kill(inbox, "SIGCONT");
  }
  await stack.sql`update private.mail_outbox set next_attempt_at = now() where last_error is not null`;
  // Mail to the other accounts may have waited too.
  const { mail } = await stack.reconcile();
  expect(mail?.checked).toBeGreaterThanOrEqual(1);
  expect(mail?.failed).toBe(0);
  const mails = (await (await fetch(`${stack.own.urls.inbox}/api/email`)).json()) as {
    to: { address: string }[];
  }[];
  expect(mails.filter((mail) => mail.to[0]?.address === email)).toHaveLength(1);
  const left = await stack.sql`
    select from private.mail_outbox m join public.users u on u.id = m.user_id where u.email = ${email}`;
  expect(left).toHaveLength(0);
});

test("after SIGKILL of every part at once the stack restarts, keeps its generations and makes new ones", async () => {
  const { id } = await stack.makeGeneration(freshPrompt(), stack.headers);
  await stack.waitForEnd(id, stack.headers);
  // No test of this file restarted the other parts.
  const others = stack.own.processes.filter(({ name }) => name !== "PostgreSQL");
  const parts = [await stack.postgresPid(), ...others.map(({ pid }) => pid)];
  expect(parts.length).toBeGreaterThanOrEqual(6);
  for (const pid of parts) process.kill(pid, "SIGKILL");
  await until(
    "all are back",
    async () => (await stack.isAnswering()) && stack.reconnect().then(() => true),
    Boolean,
    60_000,
  );
  expect((await stack.readStatus(id, stack.headers)).body.status).toBe("completed");
  const next = await until("a create succeeds", async () => {
    const { status, body } = await stack.sendCreate(freshPrompt(), stack.headers);
    return status === 200 && body;
  });
  expect(await stack.reconcileUntilEnd(next.id, stack.headers)).toMatchObject({ status: "completed" });
}, 120_000);
