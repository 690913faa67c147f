import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { reconcile } from "../support/management.ts";
import { admin, rolledBack, type Tx } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
async function listOrphans(tx: Tx, batchSize: number): Promise<string[]> {
  const [row] = await tx`select private.list_orphans(${batchSize}) as ids`;
  return row?.ids;
}

test("the reconciler deletes a user of Auth without an account after five minutes, and no other", async () => {
  const [old, young] = [randomUUID(), randomUUID()];
  // Auth cannot read, and so cannot delete, a user with a null in these tokens.
  await admin`insert into auth.users
    (id, email, created_at, confirmation_token, recovery_token, email_change, email_change_token_new) values
    (${old}, ${`${old}@orphans.invalid`}, now() - interval '6 minutes', '', '', '', ''),
    (${young}, ${`${young}@orphans.invalid`}, now() - interval '4 minutes', '', '', '', '')`;
  await reconcile();
  const left = await admin`select id from auth.users where id in (${old}, ${young}, ${world.a.user.id})`;
  expect(left.map(({ id }) => id).sort()).toEqual([young, world.a.user.id].sort());
  await admin`delete from auth.users where id = ${young}`;
});

test("each search for orphans covers all users of a small database and obeys the batch size", async () => {
  const ids = Array.from({ length: 50 }, () => randomUUID());
  await rolledBack(async (tx) => {
    await tx`insert into auth.users ${tx(ids.map((id) => ({ id, created_at: new Date(0) })))}`;
    for (let run = 0; run < 20; run++)
      expect(await listOrphans(tx, 1_000)).toEqual(expect.arrayContaining(ids));
    expect(await listOrphans(tx, 10)).toHaveLength(10);
  }, admin);
});

test("a search for orphans reads at most 10,000 users of a large database, and different ones each time", async () => {
  await rolledBack(async (tx) => {
    await tx`insert into auth.users (id, created_at) select gen_random_uuid(), 'epoch' from generate_series(1, 30000)`;
    const [first, second] = [await listOrphans(tx, 100_000), await listOrphans(tx, 100_000)];
    expect(first.length).toBeLessThanOrEqual(10_000);
    expect(first.length).toBeGreaterThan(5_000);
    expect(new Set([...first, ...second]).size).toBeGreaterThan(first.length);
  }, admin);
});
