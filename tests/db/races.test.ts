import { randomBytes, randomUUID } from "node:crypto";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { admin, owner, refusalOf } from "../support/sql.ts";
import { credentialsOf } from "../support/world.ts";

const json = (value: unknown) => owner.json(value as never);

let plan: string;
let developer: Awaited<ReturnType<typeof registerDeveloper>>;

beforeAll(async () => {
  plan = `race-${randomUUID()}`;
  await admin`insert into public.plans (id, generations_per_month, projects, api_keys_per_project) values (${plan}, 5, 7, 6)`;
});

beforeEach(async () => {
  developer = await registerDeveloper();
  await admin`update public.users set plan_id = ${plan} where id = ${developer.id}`;
});

/** Counts the answers of parallel calls. The pool limits how many run at once. */
async function race(count: number, call: () => Promise<unknown>): Promise<Record<string, number>> {
  const answers = await Promise.all(Array.from({ length: count }, () => refusalOf(call())));
  const counts: Record<string, number> = {};
  for (const code of answers) counts[code ?? "made"] = (counts[code ?? "made"] ?? 0) + 1;
  return counts;
}

test("50 parallel calls of create_project make exactly the plan's number of projects", async () => {
  const credentials = json(credentialsOf({ token: developer.token }));
  const answers = await race(
    50,
    () => owner`select private.create_project(${credentials}, ${json({ name: "Raced" })})`,
  );
  // The registration has created one project.
  expect(answers).toEqual({ made: 6, project_limit_reached: 44 });
  const [found] = await owner`select count(*)::int from public.projects where owner_id = ${developer.id}`;
  expect(found?.count).toBe(7);
});

test("50 parallel calls of create_api_key make exactly the plan's number of active keys", async () => {
  const credentials = json(credentialsOf({ token: developer.token }));
  const answers = await race(50, () => {
    const key = { name: "Raced", key_prefix: "ak_raced", key_hash: randomBytes(32).toString("hex") };
    return owner`select private.create_api_key(${credentials}, ${developer.project.id}, ${json(key)})`;
  });
  expect(answers).toEqual({ made: 5, api_key_limit_reached: 45 });
  const [found] =
    await owner`select count(*)::int from public.api_keys where project_id = ${developer.project.id}`;
  expect(found?.count).toBe(6);
});

test("of 1,000 parallel calls of create_generation for the last unit of a quota exactly one succeeds", {
  timeout: 240_000,
}, async () => {
  const { id: project_id, developer_key, api_key } = developer.project;
  const user = await registerEndUser(developer.project);
  await admin`insert into public.generation_usage (project_id, month, generations)
    values (${project_id}, date_trunc('month', now() at time zone 'utc')::date, 4)`;
  const credentials = json(credentialsOf({ token: user.token, project_id, developer_key, api_key }));
  const answers = await race(1000, () => {
    const generation = { id: randomUUID(), instructions: "A lighthouse", model: "owner/model" };
    return owner`select private.create_generation(${credentials}, ${json(generation)})`;
  });
  expect(answers).toEqual({ made: 1, quota_exceeded: 999 });
  const [found] = await owner`select generations, (select count(*)::int from public.generations g
    where g.project_id = usage.project_id) as rows from public.generation_usage usage where project_id = ${project_id}`;
  expect(found).toEqual({ generations: 5, rows: 1 });
});

test("of ten accounts that confirm one new address at once, one gets it and nine get account_exists", async () => {
  const email = `raced-${randomUUID()}@example.com`;
  const people = await Promise.all(Array.from({ length: 10 }, () => registerEndUser(developer.project)));
  const digests = people.map(() => randomBytes(32).toString("hex"));
  for (const [at, { id }] of people.entries()) {
    await admin`insert into private.email_changes (user_id, email, expires_at) values (${id}, ${email}, 'infinity')`;
    await admin`insert into private.mail_tokens (digest, user_id, purpose, email, expires_at)
      values (decode(${digests[at] ?? ""}, 'hex'), ${id}, 'email_change', ${email}, 'infinity')`;
  }
  const answers = await Promise.all(
    digests.map(
      (digest) => owner`select private.use_verification_token(${digest}, null, '192.0.2.9') as answer`,
    ),
  );
  const told = answers.map(([row]) => row?.answer.email ?? row?.answer.refusal);
  expect(told.sort()).toEqual([...Array(9).fill("account_exists"), email]);
});

test("50 parallel calls of create_account for one email make one account", async () => {
  const { id: project_id, developer_key } = developer.project;
  const credentials = json(credentialsOf({ project_id, developer_key }));
  const email = `raced-${randomUUID()}@example.com`;
  const ids = Array.from({ length: 50 }, () => randomUUID());
  await admin`insert into auth.users ${admin(ids.map((id) => ({ id, email: `${id}@raced.invalid` })))}`;
  const answers = await race(
    50,
    () => owner`select private.create_account(${credentials}, ${json({ id: ids.pop(), email })})`,
  );
  expect(answers).toEqual({ made: 1, account_exists: 49 });
});
