import type { Context } from "hono";
import type { AppEnv, Credentials } from "../../../context.ts";
import { networkOf } from "../input/anonymous-client.ts";
import type { GenerationRow } from "../store.ts";
import { watchOf } from "./generation-watch.ts";

const isRunning = (status: GenerationRow["status"]) => status === "pending" || status === "processing";

/** The caller who is counted for a wait: the account, else the operator key, else the client's network. */
export const waiterOf = ({ user_id, operator_key_hash, ip }: Credentials) =>
  user_id ?? operator_key_hash ?? networkOf(ip ?? "");

/** Reads a generation. While it runs, it is read again at its end, after `waitSeconds`, or when the caller disconnects. */
export async function waitForEnd(
  c: Context<AppEnv>,
  waitSeconds: number,
  read: () => Promise<GenerationRow>,
): Promise<GenerationRow> {
  const row = await read();
  if (!isRunning(row.status) || waitSeconds === 0) return row;
  const { signal } = c.req.raw;
  await watchOf(c.get("deps").database).wait({
    id: row.id,
    caller: waiterOf(c.get("credentials")),
    ms: waitSeconds * 1000,
    signal,
    isOver: (state) => state === undefined || !isRunning(state.status),
  });
  return signal.aborted ? row : read();
}
