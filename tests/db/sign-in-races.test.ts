import { randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { type EndUser, registerDeveloper, registerEndUser } from "../support/api.ts";
import { admin, owner, type Tx } from "../support/sql.ts";
import { until } from "../support/until.ts";

type Sql = Tx | typeof owner;
let user: EndUser;
beforeEach(async () => {
  const { project } = await registerDeveloper();
  user = await registerEndUser(project);
});

async function changePassword(sql: Sql): Promise<void> {
  await sql`select private.permit_password(${user.id}, null)`;
  await sql`update auth.users set encrypted_password = ${randomUUID()} where id = ${user.id}`;
}
const ban = async (sql: Sql) =>
  void (await sql`update auth.users set banned_until = now() + interval '1 hour' where id = ${user.id}`);

/** What Auth does after it has compared the password. */
async function insertSession(sql: Sql): Promise<string> {
  const id = randomUUID();
  await sql`insert into auth.sessions (id, user_id) values (${id}, ${user.id})`;
  return id;
}

const begin = async () => {
  const [row] =
    await owner`select password_changed_at from public.users u, jsonb_to_record(private.begin_login(
    jsonb_build_object('project_id', u.project_id), u.email, null)) as begun (password_changed_at text) where u.id = ${user.id}`;
  return row?.password_changed_at as string | null;
};
const open = async (session: string, password_changed_at: string | null) => {
  const device = owner.json({ signed_in: true, password_changed_at });
  const [row] =
    await owner`select private.open_session(${user.id}, ${session}, ${device}) ->> 'refusal' as refusal`;
  return row?.refusal as string | null;
};
/** The seconds that a session lasts; 0 when it has ended. */
const secondsLeft = async (session: string) => {
  const [row] = await admin`select extract(epoch from not_after - now())::int as left from auth.sessions
    where id = ${session} and user_id = ${user.id} and not_after > now()`;
  return (row?.left as number | undefined) ?? 0;
};

/** Runs the first in a transaction that ends once the second waits for it. */
async function race<T, U>(first: (sql: Sql) => Promise<T>, second: (sql: Sql) => Promise<U>) {
  return admin.begin(async (tx) => {
    const [self] = await tx`select pg_backend_pid() as pid`;
    const one = await first(tx);
    const two = second(owner);
    await until("the second waits for the first", async () => {
      const [row] = await owner`select exists (select from pg_stat_activity
        where ${self?.pid} = any (pg_blocking_pids(pid))) as waits`;
      return row?.waits === true;
    });
    return { one, two };
  });
}

describe.each([
  ["a change of the password", changePassword],
  ["a ban", ban],
])("%s during a sign-in", (_name, close) => {
  test("ends the session that Auth inserts while it is not yet committed", async () => {
    const { two } = await race(close, insertSession);
    expect(await secondsLeft(await two)).toBe(0);
  });

  test("ends the session that Auth has inserted and not yet committed", async () => {
    const { one, two } = await race(insertSession, close);
    await two;
    expect(await secondsLeft(one)).toBe(0);
  });

  test("makes the API refuse the sign-in, which deletes the session", async () => {
    const seen = await begin();
    await close(owner);
    const session = await insertSession(owner);
    expect(await open(session, seen)).toBe("invalid_credentials");
    expect(await admin`select from auth.sessions where id = ${session}`).toHaveLength(0);
  });
});

test("a sign-in that begins after a change of the password gets a session of seven days", async () => {
  await changePassword(owner);
  await changePassword(owner);
  const seen = await begin();
  const session = await insertSession(owner);
  expect(await secondsLeft(session)).toBe(0);
  expect(await open(session, seen)).toBeNull();
  expect(await secondsLeft(session)).toBeGreaterThan(604_000);
});

test("a session that Auth opens a minute after a change of the password lasts seven days", async () => {
  await changePassword(owner);
  await admin`update private.password_permits set changed_at = now() - interval '1 minute' where user_id = ${user.id}`;
  expect(await secondsLeft(await insertSession(owner))).toBeGreaterThan(604_000);
});
