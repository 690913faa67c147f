import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { admin, claimsOf, owner, rolledBack, setRole, type Tx } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
/** The parts of Supabase Realtime's schema that senders and listeners use. Its tables belong to a separate role. */
const realtime = `
  create role realtime_of_a_test nologin;
  grant realtime_of_a_test to postgres;
  create schema realtime authorization realtime_of_a_test;
  grant usage on schema realtime to anon, authenticated, service_role;
  set local role realtime_of_a_test;
  create table realtime.messages (
    id uuid not null default gen_random_uuid(), topic text not null, extension text not null, event text, payload jsonb,
    private boolean default false, inserted_at timestamp not null default now(), primary key (id, inserted_at)
  ) partition by range (inserted_at);
  create table realtime.messages_all partition of realtime.messages default;
  alter table realtime.messages enable row level security;
  grant select, insert on realtime.messages to anon, authenticated, service_role;
  create function realtime.topic() returns text language sql stable as $$
    select nullif(current_setting('realtime.topic', true), '') $$;
  create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
  language plpgsql as $$ begin
    insert into realtime.messages (topic, extension, event, payload, private) values (topic, 'broadcast', event, payload, private);
  end $$;
  reset role;`;

/** A database with Realtime, set up by the role of the migrations. */
const withRealtime = <T>(work: (tx: Tx) => Promise<T>) =>
  rolledBack(async (tx) => {
    await tx.unsafe(realtime);
    await tx`set local role postgres`;
    // The migrations may run before or after the installation of Realtime.
    for (let time = 0; time < 2; time++)
      expect(await tx`select private.ensure_realtime() as ready`).toMatchObject([{ ready: true }]);
    await tx`reset role`;
    return work(tx);
  }, admin);

const sent = (tx: Tx) =>
  tx`select topic, event, private, payload from realtime.messages order by inserted_at, id`;

async function create(tx: Tx): Promise<string> {
  const id = randomUUID();
  await tx`insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month)
    values (${id}, ${world.a.project_id}, ${world.a.user.id}, 'A lighthouse', 'owner/model', 'reserved', '2026-11-01')`;
  return id;
}

test("without Realtime in the database nothing is set up", async () => {
  expect(await owner`select private.ensure_realtime() as ready`).toMatchObject([{ ready: false }]);
});

test("each status of a generation is sent once to its user's private channel, without prompt or pictures", () =>
  withRealtime(async (tx) => {
    const id = await create(tx);
    await tx`update public.generations set next_check_at = now() where id = ${id}`;
    await tx`update public.generations set status = 'processing' where id = ${id}`;
    await tx`update public.generations set status = 'processing', is_public = true where id = ${id}`;
    await tx`update public.generations set status = 'failed', error_code = 'timed_out', error = 'Too late.', charge = 'refunded',
      completed_at = now() where id = ${id}`;
    const messages = await sent(tx);
    const statuses = messages.map(({ payload }) => payload.status).sort();
    expect(statuses).toEqual(["failed", "pending", "processing"]);
    for (const { topic, event, private: isPrivate, payload } of messages) {
      expect({ topic, event, isPrivate }).toEqual({
        topic: `generations:${world.a.user.id}`,
        event: "status",
        isPrivate: true,
      });
      expect(payload).toEqual({
        id,
        project_id: world.a.project_id,
        status: payload.status,
        error_code: payload.status === "failed" ? "timed_out" : null,
        updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      });
    }
  }));

test("an anonymous generation sends no message to Realtime", () =>
  withRealtime(async (tx) => {
    await tx`insert into public.generations (id, instructions, model, charge, charged_month, expires_at)
      values (${randomUUID()}, 'A lighthouse', 'owner/model', 'reserved', '2026-11-01', now() + interval '1 hour')`;
    expect(await sent(tx)).toHaveLength(0);
  }));

test("a failing Realtime does not prevent a generation", () =>
  withRealtime(async (tx) => {
    await tx.unsafe("drop function realtime.send(jsonb, text, text, boolean)");
    const id = await create(tx);
    expect(await tx`select status from public.generations where id = ${id}`).toMatchObject([
      { status: "pending" },
    ]);
  }));

/** Whether the token may listen to a channel. Realtime allows it if the token can read a message of the channel. */
const mayListen = (tx: Tx, token: string, topic: string) =>
  tx.savepoint(async (inner) => {
    const [message] =
      await inner`insert into realtime.messages (topic, extension) values (${topic}, 'broadcast') returning id`;
    await inner`select set_config('realtime.topic', ${topic}, true)`;
    await setRole(inner, "authenticated", claimsOf(token));
    const seen = await inner`select from realtime.messages where id = ${message?.id}`;
    await inner`reset role`;
    return seen.length > 0;
  });

test("each user can listen only to their own channel, and only while the session is valid", () =>
  withRealtime(async (tx) => {
    const { a, b, deactivated, operator } = world;
    const everybody = { user: a.user, peer: a.peer, foreign: b.user, developer: a.developer, operator };
    for (const { id, token } of Object.values(everybody)) {
      const allowed = [];
      for (const other of Object.values(everybody))
        if (await mayListen(tx, token, `generations:${other.id}`)) allowed.push(other.id);
      expect(allowed).toEqual([id]);
    }
    expect(await mayListen(tx, a.user.token, `generations:${a.user.id}x`)).toBe(false);
    expect(await mayListen(tx, deactivated.token, `generations:${deactivated.id}`)).toBe(false);
    await tx`delete from auth.sessions where user_id = ${a.user.id}`;
    expect(await mayListen(tx, a.user.token, `generations:${a.user.id}`)).toBe(false);
  }));

test("a user cannot send to any channel", () =>
  withRealtime(async (tx) => {
    const { id, token } = world.a.user;
    await setRole(tx, "authenticated", claimsOf(token));
    const forged = tx.savepoint(
      (inner) =>
        inner`insert into realtime.messages (topic, extension, private) values (${`generations:${id}`}, 'broadcast', true)`,
    );
    await expect(forged).rejects.toMatchObject({ code: "42501" });
  }));
