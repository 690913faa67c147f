import { randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { type Developer, registerDeveloper } from "../support/api.ts";
import { admin, refusalOf, rolledBack, type Tx } from "../support/sql.ts";
import { credentialsOf } from "../support/world.ts";

let developer: Developer;
beforeAll(async () => {
  developer = await registerDeveloper();
});
const asDeveloper = (tx: Tx) => tx.json(credentialsOf({ token: developer.token }));

async function create(tx: Tx): Promise<string> {
  await tx`reset role`;
  const project = tx.json({ name: "Again" });
  const [row] = await tx`select private.create_project(${asDeveloper(tx)}, ${project}) ->> 'id' as id`;
  return row?.id;
}

/** Creates a project that has sent generations in the month, and deletes it. */
async function deleted(tx: Tx, sent: number, month = "now"): Promise<string> {
  const id = await create(tx);
  await tx`reset role`;
  await tx`insert into public.generation_usage (project_id, month, sent)
    values (${id}, date_trunc('month', ${month}::text::timestamptz at time zone 'utc')::date, ${sent})`;
  await tx`select private.delete_project(${asDeveloper(tx)}, ${id}, 7)`;
  return id;
}

async function purge(tx: Tx, id: string): Promise<void> {
  await tx`reset role`;
  await tx`update public.projects set purge_started_at = now() where id = ${id}`;
  await tx`select private.purge_project(${id}, 200, 120)`;
  expect(await tx`select from public.projects where id = ${id}`).toHaveLength(0);
}

/** Runs `work` on a plan of three projects. The registration has created the first one. */
const withPlan = (work: (tx: Tx) => Promise<void>) =>
  rolledBack(async (tx) => {
    await tx`insert into public.plans (id, projects) values ('three', 3)`;
    await tx`update public.users set plan_id = 'three' where id = ${developer.id}`;
    await work(tx);
  });

test("a project that sent generations this month counts towards the limit after its deletion and removal", () =>
  withPlan(async (tx) => {
    const used = [await deleted(tx, 1), await deleted(tx, 1)];
    expect(await refusalOf(tx.savepoint(create))).toBe("project_limit_reached");
    for (const id of used) await purge(tx, id);
    expect(await refusalOf(tx.savepoint(create))).toBe("project_limit_reached");
  }));

test("a deleted project that sent no generation this month does not count towards the limit", () =>
  withPlan(async (tx) => {
    for (const id of [await deleted(tx, 0), await deleted(tx, 9, "2026-01-15")]) await purge(tx, id);
    await create(tx);
    await create(tx);
    expect(await refusalOf(tx.savepoint(create))).toBe("project_limit_reached");
  }));

test("restoring an unused project is refused if deleted projects of this month reach the limit", () =>
  withPlan(async (tx) => {
    const unused = await deleted(tx, 0);
    await deleted(tx, 1);
    await deleted(tx, 1);
    const restore = async (nested: Tx) => {
      await nested`reset role`;
      await nested`select private.restore_project(${asDeveloper(nested)}, ${unused})`;
    };
    expect(await refusalOf(tx.savepoint(restore))).toBe("project_limit_reached");
  }));

test("a deleted project that counts towards the limit can be restored", () =>
  withPlan(async (tx) => {
    await deleted(tx, 1);
    const id = await deleted(tx, 1);
    await tx`reset role`;
    await tx`select private.restore_project(${asDeveloper(tx)}, ${id})`;
    expect(await tx`select from public.projects where id = ${id} and deleted_at is null`).toHaveLength(1);
  }));

test("accepting a project is refused if the receiver's deleted projects of this month reach the limit", () =>
  withPlan(async (tx) => {
    await deleted(tx, 1);
    await deleted(tx, 1);
    await tx`reset role`;
    const [giver] =
      await admin`select id from public.users where role = 'developer' and id <> ${developer.id} limit 1`;
    const id = randomUUID();
    await tx`insert into public.projects (id, owner_id, name) values (${id}, ${giver?.id}, 'Given')`;
    await tx`update public.users set email_verified_at = now() where id = ${developer.id}`;
    await tx`insert into public.project_transfers (project_id, owner_id, email, expires_at)
      values (${id}, ${giver?.id}, ${developer.email}, now() + interval '1 day')`;
    const accept = (nested: Tx) => nested`select private.accept_project(${asDeveloper(nested)}, ${id})`;
    expect(await refusalOf(tx.savepoint(accept))).toBe("project_limit_reached");
  }));
