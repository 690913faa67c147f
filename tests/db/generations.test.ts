import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { admin, failureOf, owner, refusalOf, rolledBack, type Tx } from "../support/sql.ts";
import { endUserCredentials, makeWorld, type World } from "../support/world.ts";

const states = ["pending", "processing", "completed", "failed", "canceled"] as const;
type State = (typeof states)[number];

let world: World;

beforeAll(async () => {
  world = await makeWorld();
  await admin`update public.projects set plan_id = 'premium' where id = ${world.a.project_id}`;
});

/** The columns that the pipeline sets for this state. */
const columnsOf = (state: State) => ({
  status: state,
  charge:
    state === "completed"
      ? "committed"
      : state === "failed" || state === "canceled"
        ? "refunded"
        : "reserved",
  completed_at: state === "pending" || state === "processing" ? null : new Date(),
  ...(state === "failed" || state === "canceled"
    ? { error_code: "model_failed", error: "The model failed." }
    : { error_code: null, error: null }),
  ...(state === "completed" ? { outputs: [{ path: "p" }] } : {}),
});

async function create(tx: Tx): Promise<string> {
  const generation = { id: randomUUID(), instructions: "A lighthouse", model: "owner/model" };
  await tx`select private.create_generation(${tx.json(endUserCredentials(world.a))}, ${tx.json(generation)})`;
  await tx`reset role`;
  return generation.id;
}

async function move(tx: Tx, id: string, state: State): Promise<void> {
  const columns = columnsOf(state);
  await tx`update public.generations set ${tx({
    ...columns,
    ...("outputs" in columns ? { outputs: tx.json(columns.outputs as never) } : {}),
  } as never)} where id = ${id}`;
}

const used = async (tx: Tx | typeof owner, projectId = world.a.project_id) => {
  const [row] = await tx`select coalesce(sum(generations), 0)::int as used from public.generation_usage
    where project_id = ${projectId}`;
  return row?.used as number;
};

describe("a generation", () => {
  const forward: Record<State, State[]> = {
    pending: ["pending", "processing", "completed", "failed", "canceled"],
    processing: ["processing", "completed", "failed", "canceled"],
    completed: ["completed"],
    failed: ["failed"],
    canceled: ["canceled"],
  };
  const moves = states.flatMap((from) =>
    states.map((to) => ({ from, to, allowed: forward[from].includes(to) })),
  );

  test.each(moves)(
    "a generation's change from $from to $to is allowed: $allowed",
    async ({ from, to, allowed }) => {
      const code = await refusalOf(
        rolledBack(async (tx) => {
          const id = await create(tx);
          if (from !== "pending") await move(tx, id, from);
          await move(tx, id, to);
        }),
      );
      expect(code).toBe(allowed ? null : "generation_state_conflict");
    },
  );

  test("the charge, outputs, error and prediction of a completed generation cannot be changed", async () => {
    for (const change of [
      { charge: "refunded" },
      { outputs: admin.json([]) },
      { error_code: "other" },
      { prediction_id: "p2" },
    ]) {
      const failure = await failureOf(
        rolledBack(async (tx) => {
          const id = await create(tx);
          await tx`update public.generations set prediction_id = 'p1' where id = ${id}`;
          await move(tx, id, "completed");
          await tx`update public.generations set ${tx(change as never)} where id = ${id}`;
        }),
      );
      expect(failure?.message).toBe("generation_state_conflict");
    }
  });

  test.each([
    ["completed without a picture", { status: "completed", charge: "committed", completed_at: new Date() }],
    [
      "failed without a code",
      { status: "failed", error: "No.", charge: "refunded", completed_at: new Date() },
    ],
    [
      "failed without a sentence",
      { status: "failed", error_code: "x", charge: "refunded", completed_at: new Date() },
    ],
    [
      "canceled without a sentence",
      { status: "canceled", error_code: "x", charge: "refunded", completed_at: new Date() },
    ],
    ["final without a time", { status: "canceled", error_code: "x", error: "No.", charge: "refunded" }],
    [
      "failed and still charged",
      { status: "failed", error_code: "x", error: "No.", charge: "reserved", completed_at: new Date() },
    ],
    ["running and refunded", { charge: "refunded" }],
    ["in an unknown status", { status: "done" }],
  ])("a constraint refuses a generation that is %s", async (_name, change) => {
    const failure = await failureOf(
      rolledBack(async (tx) => {
        const id = await create(tx);
        await tx`update public.generations set ${tx(change as never)} where id = ${id}`;
      }),
    );
    expect(failure?.code).toBe("23514");
  });

  test("a generation records an event for each of its statuses once, in order", async () => {
    const events = await rolledBack(async (tx) => {
      const id = await create(tx);
      await move(tx, id, "processing");
      await move(tx, id, "processing");
      await move(tx, id, "failed");
      return tx`select kind from public.generation_events where generation_id = ${id} order by id`;
    });
    expect(events.map((event) => event.kind)).toEqual(["pending", "processing", "failed"]);
  });
});

describe("the quota", () => {
  test("the quota is used at creation, kept on completion, and refunded once on failure or cancellation", async () => {
    const counts = await rolledBack(async (tx) => {
      const start = await used(tx);
      const [kept, failed, canceled] = [await create(tx), await create(tx), await create(tx)];
      const taken = await used(tx);
      await move(tx, kept, "completed");
      const afterwards = [];
      for (const [id, state] of [
        [failed, "failed"],
        [canceled, "canceled"],
        [failed, "failed"],
      ] as const) {
        await move(tx, id, state);
        afterwards.push((await used(tx)) - start);
      }
      return [taken - start, ...afterwards];
    });
    expect(counts).toEqual([3, 2, 1, 1]);
  });

  test("the quota is refunded to the month in which it was used", async () => {
    const [earlier] = await rolledBack(async (tx) => {
      const id = await create(tx);
      await tx`insert into public.generation_usage (project_id, month, generations) values (${world.a.project_id}, '2020-01-01', 4)`;
      await tx`update public.generations set charged_month = '2020-01-01' where id = ${id}`;
      await move(tx, id, "canceled");
      return tx`select generations from public.generation_usage where project_id = ${world.a.project_id} and month = '2020-01-01'`;
    });
    expect(earlier?.generations).toBe(3);
  });

  test("a refused create does not use the quota", async () => {
    const [code, difference] = await rolledBack(async (tx) => {
      await tx`update public.projects set plan_id = 'free' where id = ${world.a.project_id}`;
      await create(tx);
      const before = await used(tx);
      const refusal = await refusalOf(tx.savepoint((nested) => create(nested)));
      return [refusal, (await used(tx)) - before];
    });
    expect([code, difference]).toEqual(["concurrency_limit_reached", 0]);
  });

  test("a constraint refuses a negative usage of the quota", async () => {
    const failure = await failureOf(
      owner`update public.generation_usage set generations = -1 where project_id = ${world.a.project_id}`,
    );
    expect(failure?.code).toBe("23514");
  });
});
