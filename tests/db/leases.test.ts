import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createDatabase } from "../../supabase/functions/api/clients/database.ts";
import { createRedisClient } from "../../supabase/functions/api/clients/redis.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { ApiError } from "../../supabase/functions/api/errors.ts";
import { getMe } from "../../supabase/functions/api/resources/auth/store.ts";
import { beginWindow, createPlan, usedOf } from "../support/limits.ts";
import { admin } from "../support/sql.ts";
import { endUserCredentials, makeWorld, type World } from "../support/world.ts";

function open(settings: Record<string, string> = {}) {
  const env = parseEnv({
    SUPABASE_URL: "http://127.0.0.1:9",
    SUPABASE_SERVICE_ROLE_KEY: "not used",
    DATABASE_URL: inject("stack").database_url,
    ...settings,
  });
  return createDatabase(
    env,
    createRedisClient(env, () => {}),
    () => {},
  );
}
/** The database clients of two instances of the function. */
const instances = [open(), open()];
const unprepared = open({ DB_PREPARE: "false" });

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(async () => {
  await Promise.all([...instances, unprepared].map((instance) => instance.close()));
});

test("two instances that count reads in batches answer exactly the limit together", async () => {
  const plan = await createPlan(admin, { reads_per_minute: 500 });
  await admin`update public.projects set plan_id = ${plan} where id = ${world.a.project_id}`;
  const read = (at: number) =>
    getMe(instances[at % 2] as (typeof instances)[number], endUserCredentials(world.a)).then(
      () => "answered",
      (error) => (error instanceof ApiError ? error.code : String(error)),
    );
  await beginWindow(admin, `reads:${world.a.user.id}`);
  const outcomes = await Promise.all(Array.from({ length: 1_500 }, (_, at) => read(at)));
  expect(outcomes.filter((outcome) => outcome === "answered")).toHaveLength(500);
  expect(outcomes.filter((outcome) => outcome === "rate_limited")).toHaveLength(1_000);
  expect(await usedOf(admin, `reads:${world.a.user.id}`)).toBe(500);
});

test("with DB_PREPARE=false reads are counted one by one", async () => {
  const plan = await createPlan(admin, { reads_per_minute: 500 });
  await admin`update public.projects set plan_id = ${plan} where id = ${world.b.project_id}`;
  await beginWindow(admin, `reads:${world.b.user.id}`);
  for (let turn = 0; turn < 3; turn++) await getMe(unprepared, endUserCredentials(world.b));
  expect(await usedOf(admin, `reads:${world.b.user.id}`)).toBe(3);
  for (let turn = 0; turn < 3; turn++)
    await getMe(instances[0] as (typeof instances)[number], endUserCredentials(world.b));
  expect(await usedOf(admin, `reads:${world.b.user.id}`)).toBe(3 + 2 + 4);
});
