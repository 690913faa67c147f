import type { Deps } from "../../../context.ts";
import { inBatches } from "../../../in-batches.ts";
import type { JobResult } from "../../../job-result.ts";
import { presentGeneration } from "../../generations/answer/present-generation.ts";
import { claimDeliveries, type DueEvent, failDelivery, finishDelivery } from "../store.ts";
import { signedHeaders } from "./signed-headers.ts";

const batchSize = 20;
const giveUpMs = 3 * 24 * 60 * 60_000;

/**
 * Sends the due events. Requests start it after their answer, and the reconciler once a minute. Only one of them claims each event.
 * A receiver must answer 2xx within ten seconds. Otherwise the event is repeated for three days.
 */
export async function deliverWebhooks(deps: Deps): Promise<JobResult> {
  const deliverAll = async (due: DueEvent[]) => {
    const taken = await Promise.all(due.map((event) => deliver(deps, event)));
    return taken.filter((isTaken) => !isTaken).length;
  };
  // A claim takes a few events of each receiver, so even after a small claim more may be due.
  return inBatches(() => claimDeliveries(deps.database, batchSize), deliverAll, 1);
}

async function deliver({ env, database, sendWebhook }: Deps, event: DueEvent): Promise<boolean> {
  const payload = JSON.stringify({
    type: event.event,
    timestamp: event.occurred_at,
    data: dataOf(env, event),
  });
  let status: number | null = null;
  let error: string;
  try {
    status = await sendWebhook(event.url, signedHeaders(event.secrets, event.id, payload), payload);
    error = `the receiver answered ${status}`;
  } catch (cause) {
    error = cause instanceof Error ? cause.message : "unknown";
  }
  if (status !== null && status >= 200 && status < 300) {
    await finishDelivery(database, event.id, status);
    return true;
  }
  const isGone = status === 410;
  const isOver = isGone || Date.now() - Date.parse(event.occurred_at) > giveUpMs;
  const wait_seconds = isOver ? null : waitSeconds(event.attempts);
  await failDelivery(database, event.id, { status, error, wait_seconds, is_gone: isGone });
  return false;
}

const waits = [5, 30, 120, 600, 1_800, 3_600, 7_200];

/** The wait after so many attempts: from 5 seconds to two hours. */
export const waitSeconds = (attempts: number): number => waits[Math.min(attempts, waits.length) - 1] ?? 5;

/** The current state of the event's subject. A deleted subject has only its id. */
function dataOf(
  env: Deps["env"],
  { event, project_id, subject_id, facts, generation, user }: DueEvent,
): object {
  if (generation !== null)
    return { ...presentGeneration(env, generation), project_id, user_id: facts.user_id };
  if (user !== null) return user;
  const hasSubject = event.startsWith("generation.") || event.startsWith("user.");
  return { ...(hasSubject && { id: subject_id }), project_id, ...facts };
}
