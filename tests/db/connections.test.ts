import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Connection, createConnections } from "../../supabase/functions/api/clients/connections.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { ApiError } from "../../supabase/functions/api/errors.ts";
import { admin, owner } from "../support/sql.ts";
import { until } from "../support/until.ts";

// This test has a separate database, because other tests inspect all objects of the stack's database at the same time.
const name = `connections_${randomBytes(6).toString("hex")}`;
const url = new URL(inject("stack").database_url ?? "");
url.pathname = `/${name}`;
const sql = postgres(url.href, { max: 1, onnotice: () => {} });
beforeAll(() => owner.unsafe(`create database ${name} template template0`));

const open = (settings: Record<string, string> = {}) =>
  createConnections(
    parseEnv({
      SUPABASE_URL: "http://127.0.0.1:9",
      SUPABASE_SERVICE_ROLE_KEY: "not used",
      DATABASE_URL: url.href,
      DB_POOL_SIZE: "1",
      ...settings,
    }),
    () => {},
  );
const connections = open();
const unprepared = open({ DB_PREPARE: "false" });

afterAll(async () => {
  await Promise.all([connections.close(), unprepared.close(), sql.end()]);
  await owner.unsafe(`drop database ${name} with (force)`);
});

const use = <T>(work: (connection: Connection) => Promise<T>, deadlineMs = 8_000) =>
  connections.use(work, deadlineMs);
const ask = <Row>(text: string, args: Parameters<Connection["ask"]>[1] = []) =>
  use((connection) => connection.ask<Row>(text, args));
const backend = async () => (await ask<{ pid: number }>("select pg_backend_pid() as pid")).pid;

test("a query without a row fails with database_unavailable, and its connection is not used again", async () => {
  const before = await backend();
  await expect(ask("select 1 where false")).rejects.toMatchObject({ code: "database_unavailable" });
  expect(await backend()).not.toBe(before);
});

test("an error of the server keeps its code, and the connection is used again", async () => {
  const before = await backend();
  await expect(ask("select 1 / $1::integer as n", [0])).rejects.toMatchObject({ code: "22012" });
  expect(await backend()).toBe(before);
});

test("after a refusal and a rollback the connection is used again without settings of the transaction", async () => {
  const before = await backend();
  const refused = use(async ({ ask: askIn, tell }) => {
    await tell("begin");
    await askIn("select set_config('app.left_over', 'x', true) as value", []);
    await tell("rollback");
    throw new ApiError("rate_limited");
  });
  await expect(refused).rejects.toMatchObject({ code: "rate_limited" });
  expect(await backend()).toBe(before);
  expect(await ask("select current_setting('app.left_over', true) as value")).toEqual({ value: "" });
});

test("a call on a terminated connection fails with database_unavailable or 57P01, and the next one gets a new one", async () => {
  const before = await backend();
  const ended = expect(ask("select pg_sleep(20)::text as slept")).rejects.toMatchObject({
    code: expect.stringMatching(/^(57P01|database_unavailable)$/),
  });
  await admin`select pg_terminate_backend(${before})`;
  await ended;
  expect(await backend()).not.toBe(before);
});

test("a call that waits for a connection beyond its deadline is never run", async () => {
  await sql`create table late ()`;
  const first = ask("select pg_sleep(0.6)::text as slept");
  const late = use(({ ask: askIn }) => askIn(`insert into late default values returning 1 as n`, []), 200);
  await expect(late).rejects.toThrow("no answer in 200 ms");
  await first;
  expect(await ask(`select count(*)::integer as n from late`)).toEqual({ n: 0 });
});

test("a prepared call works after a migration changed the function's return type", async () => {
  const define = (type: string) =>
    sql.unsafe(
      `drop function if exists changed(); create function changed() returns ${type} language sql as 'select 7'`,
    );
  await define("integer");
  expect(await ask(`select changed() as n`)).toEqual({ n: 7 });
  await define("bigint");
  expect(await ask(`select changed() as n`)).toEqual({ n: "7" });
  await define("integer");
  const readAll = Array.from({ length: 20 }, () => connections.read(`select changed() as n`, [], 8_000));
  expect(await Promise.all(readAll)).toEqual(readAll.map(() => ({ n: 7 })));
});

describe("reads that share a connection", () => {
  const read = <Row>(text: string, args: (string | number)[] = []) =>
    connections.read<Row>(text, args, 8_000);
  const many = <T>(make: (at: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 50 }, (_, at) => make(at)));
  const pidOf = async () => (await read<{ pid: number }>("select pg_backend_pid() as pid"))?.pid;
  /** Resolves when the server runs the statement. */
  const running = (text: string) =>
    until(
      "the server runs the statement",
      () => admin`select pid from pg_stat_activity where query = ${text} and state = 'active'`,
      ({ length }) => length === 1,
    );

  test("50 parallel reads share one connection, and each gets its own answer", async () => {
    const echo = (at: number) =>
      read<{ n: number; pid: number }>("select $1::integer as n, pg_backend_pid() as pid", [at]);
    const rows = await many(echo);
    expect(rows.map((row) => row?.n)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(new Set(rows.map((row) => row?.pid)).size).toBe(1);
  });

  test("reads that share a connection do not see the settings of each other's transactions", async () => {
    const rows = await many((at) =>
      at % 2 === 0
        ? read<{ seen: string }>("select set_config('app.user_id', $1, true) as seen", [`user ${at}`])
        : read<{ seen: string }>("select current_setting('app.user_id', true) as seen"),
    );
    const seen = rows.map((row) => row?.seen || null);
    expect(seen).toEqual(Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? `user ${at}` : null)));
  });

  test("an error of one shared read does not affect the others", async () => {
    const answers = await many((at) =>
      read<{ n: number }>("select 60 / $1::integer as n", [at % 10]).catch(({ code }) => code),
    );
    const expected = (at: number) => (at % 10 === 0 ? "22012" : { n: Math.floor(60 / (at % 10)) });
    expect(answers).toEqual(answers.map((_, at) => expected(at)));
  });

  test("shared reads are repeated and answered after their connection was terminated", async () => {
    const before = await pidOf();
    const slow = "select pg_sleep(0.9)::text as slept, 'cut' as name";
    const cut = read(slow);
    const others = many((at) => read<{ n: number }>("select $1::integer as n", [at]));
    await running(slow);
    await admin`select pg_terminate_backend(${before ?? 0})`;
    expect(await cut).toMatchObject({ name: "cut" });
    expect((await others).map((row) => row?.n)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(await pidOf()).not.toBe(before);
  });

  test("a slow shared read does not hold up the others until its end, and is answered", async () => {
    const wide = open({ DB_POOL_SIZE: "2" });
    try {
      const { slow, others } = await sql.begin(async (tx) => {
        await tx`select pg_advisory_xact_lock(1)`;
        const waiting = "select pg_advisory_xact_lock_shared(1)::text, 'slow' as name";
        const slow = wide.read<{ name: string }>(waiting, [], 30_000);
        // These are answered while the slow read still waits for the lock.
        const others = await many((at) => wide.read<{ n: number }>("select $1::integer as n", [at], 30_000));
        return { slow: () => slow, others };
      });
      expect(others.map((row) => row?.n)).toEqual(Array.from({ length: 50 }, (_, at) => at));
      expect(await slow()).toMatchObject({ name: "slow" });
    } finally {
      await wide.close();
    }
  });

  test("endless shared reads leave the only connection to a waiting call", async () => {
    let isOver = false;
    const load = Array.from({ length: 5 }, async () => {
      while (!isOver) await read("select 1 as n");
    });
    try {
      for (let turn = 0; turn < 5; turn++) expect(await ask("select 2 as n")).toEqual({ n: 2 });
    } finally {
      isOver = true;
      await Promise.all(load);
    }
  });

  test("a shared read beyond its deadline is refused, and the next call gets a connection", async () => {
    const late = connections.read("select pg_sleep(20)::text as slept", [], 1_500);
    await expect(late).rejects.toThrow("no answer in");
    expect(await ask("select 3 as n")).toEqual({ n: 3 });
  });
});

test.each([
  ["prepared", connections],
  ["unprepared", unprepared],
])("%s statements send objects and lists as jsonb, text unchanged and null as null", async (_, client) => {
  const text = 'it\'s \\ "quoted" {1,2} ☃';
  const row = await client.use(
    (connection) =>
      connection.ask(
        "select $1::jsonb as object, $2::jsonb as list, $3::text as text, $4::text as nothing, $5::boolean as flag, $6::integer as n",
        [{ a: [text, null] }, [1, "two", { three: 3 }], text, null, false, 12],
      ),
    8_000,
  );
  expect(row).toEqual({
    object: { a: [text, null] },
    list: [1, "two", { three: 3 }],
    text,
    nothing: null,
    flag: false,
    n: 12,
  });
});
