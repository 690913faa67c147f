import { admin, owner, refusalOf, type Tx } from "./sql.ts";
import { until } from "./until.ts";

/** Runs the first in a transaction that ends once the second waits for it. @returns the code of the second's refusal. */
export async function race(
  first: (sql: Tx) => Promise<unknown>,
  second: (sql: Tx) => Promise<unknown>,
): Promise<string | null> {
  let waiting: Promise<string | null> = Promise.resolve(null);
  await owner.begin(async (one) => {
    await first(one);
    let pid = 0;
    waiting = refusalOf(
      owner.begin(async (two) => {
        const [row] = await two`select pg_backend_pid() as pid`;
        pid = row?.pid;
        return second(two);
      }),
    );
    await until("the second waits for the first", async () => {
      const [row] = await admin`select cardinality(pg_blocking_pids(${pid})) > 0 as waits`;
      return row?.waits === true;
    });
  });
  return waiting;
}
