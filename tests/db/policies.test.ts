import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { beforeAll, expect, inject, test } from "vitest";
import { claimsOf, failureOf, rolledBack, setRole, type Tx } from "../support/sql.ts";
import { endUserCredentials, makeWorld, type World } from "../support/world.ts";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

const countUsers = async (tx: Tx) =>
  (await tx`select id from public.users where id = any (${[...world.a.people, ...world.b.people]})`).length;

test("claims without a valid session of the same account read no row", async () => {
  const claims = claimsOf(world.a.user.token);
  const { session_id: _, ...sessionless } = claims;
  const forged = [
    sessionless,
    { ...claims, session_id: randomUUID() },
    { ...claims, session_id: claimsOf(world.a.peer.token).session_id },
    { ...claims, sub: world.a.peer.id },
    { ...claims, sub: null },
    { role: "authenticated" },
    {},
    undefined,
  ];
  for (const claim of forged) {
    const seen = await rolledBack(async (tx) => {
      await setRole(tx, "authenticated", claim);
      return countUsers(tx);
    });
    expect(seen, JSON.stringify(claim)).toBe(0);
  }
});

test("a function resets the role and the caller of its connection", async () => {
  const one = postgres(inject("stack").database_url ?? "", { max: 1, onnotice: () => {} });
  try {
    await one`select private.get_me(${one.json(endUserCredentials(world.a) as never)})`;
    const seen = await rolledBack(async (tx) => {
      await setRole(tx, "authenticated", claimsOf(world.b.user.token));
      return tx`select id from public.users`;
    }, one);
    expect([...seen]).toEqual([{ id: world.b.user.id }]);
    const [role] = await one`select current_user::text as name, current_setting('app.user_id', true) as id`;
    expect(role).toEqual({ name: "postgres", id: "" });
  } finally {
    await one.end();
  }
});

test("a failed function resets the role and the caller of its connection", async () => {
  const one = postgres(inject("stack").database_url ?? "", { max: 1, onnotice: () => {} });
  try {
    const credentials = one.json(endUserCredentials(world.a) as never);
    const failure = await failureOf(
      one`select private.get_generation_status(${credentials}, ${randomUUID()})`,
    );
    expect(failure?.message).toBe("generation_not_found");
    const [role] = await one`select current_user::text as name, current_setting('app.user_id', true) as id`;
    expect(role?.name).toBe("postgres");
    expect(role?.id || "").toBe("");
  } finally {
    await one.end();
  }
});
