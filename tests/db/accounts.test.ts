import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { admin, claimsOf, failureOf, rolledBack, type Tx } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

/** The constraint that refuses this additional account, or undefined. */
async function refusal(
  account: Record<string, unknown>,
  work = async (_tx: Tx) => {},
): Promise<string | undefined> {
  let constraint: string | undefined;
  const failure = await failureOf(
    rolledBack(async (tx) => {
      const id = randomUUID();
      await tx`insert into auth.users (id, email) values (${id}, ${`${id}@accounts.invalid`})`;
      await tx`insert into public.users ${tx({ id, ...account } as never)}`.catch((error) => {
        constraint = error.constraint_name;
        throw error;
      });
      await work(tx);
    }, admin),
  );
  return constraint ?? failure?.code;
}

describe("emails", () => {
  const endUser = () => ({ role: "end_user", project_id: world.a.project_id, email: world.a.user.email });

  test("a constraint allows one account per email and project, in any case of letters", async () => {
    expect(await refusal(endUser())).toBe("users_project_email");
    expect(await refusal({ ...endUser(), email: world.a.user.email.toUpperCase() })).toBe(
      "users_project_email",
    );
  });

  test("one email can have an account in each of two projects", async () => {
    expect(await refusal({ ...endUser(), project_id: world.b.project_id })).toBeUndefined();
  });

  test("a constraint allows one account per email among developers and operators", async () => {
    const developer = { role: "developer", plan_id: "free", email: world.a.developer.email.toUpperCase() };
    expect(await refusal(developer)).toBe("users_project_email");
    expect(await refusal({ role: "operator", email: world.a.developer.email })).toBe("users_project_email");
  });
});

describe("accounts", () => {
  test.each([
    [
      "an end user without a project",
      () => ({ role: "end_user", email: "x@example.com" }),
      "users_end_user_has_project",
    ],
    [
      "a developer in a project",
      () => ({ role: "developer", plan_id: "free", project_id: world.a.project_id, email: "x@example.com" }),
      "users_end_user_has_project",
    ],
    [
      "a developer without a plan",
      () => ({ role: "developer", email: "x@example.com" }),
      "users_developer_has_plan",
    ],
    [
      "an operator with a plan",
      () => ({ role: "operator", plan_id: "free", email: "x@example.com" }),
      "users_developer_has_plan",
    ],
    ["an account of an unknown role", () => ({ role: "admin", email: "x@example.com" }), "users_role"],
  ])("a constraint refuses %s", async (_name, account, constraint) => {
    expect(await refusal(account())).toBe(constraint);
  });

  test("deleting a user of Auth deletes the account, its sessions and its generations", async () => {
    const { id } = world.a.user;
    const [left] = await rolledBack(async (tx) => {
      await tx`delete from auth.users where id = ${id}`;
      return tx`select (select count(*)::int from public.users where id = ${id}) as users,
        (select count(*)::int from auth.sessions where user_id = ${id}) as sessions,
        (select count(*)::int from public.generations where user_id = ${id}) as generations`;
    }, admin);
    expect(left).toEqual({ users: 0, sessions: 0, generations: 0 });
  });
});

describe("sessions", () => {
  const days = async (change: (tx: Tx, session: string) => Promise<unknown>) => {
    const session = String(claimsOf(world.a.user.token).session_id);
    const [row] = await rolledBack(async (tx) => {
      await change(tx, session);
      return tx`select extract(epoch from not_after - created_at) / 86400 as days from auth.sessions where id = ${session}`;
    }, admin);
    return Number(row?.days);
  };

  test("a session ends at most seven days after it began, whatever Auth writes", async () => {
    expect(await days(async () => {})).toBe(7);
    expect(await days((tx, id) => tx`update auth.sessions set not_after = null where id = ${id}`)).toBe(7);
    expect(
      await days(
        (tx, id) => tx`update auth.sessions set not_after = now() + interval '1 year' where id = ${id}`,
      ),
    ).toBe(7);
  });

  test("a session can end before the seven days", async () => {
    expect(
      await days(
        (tx, id) => tx`update auth.sessions set not_after = created_at + interval '1 day' where id = ${id}`,
      ),
    ).toBe(1);
  });
});
