import { reasonOf } from "./problem.ts";
import { loopback, type Ports } from "./settings.ts";

const everyMs = 60_000;

/** Calls the reconciler of the API once a minute, as pg_cron does on hosted Supabase. */
export function startReconciler(
  ports: Ports,
  cronSecret: string,
  report: (line: string) => void,
): () => void {
  const url = `http://${loopback}:${ports.gateway}/api/v1/internal/reconcile`;
  let failing = false;
  const run = async () => {
    try {
      const headers = { authorization: `Bearer ${cronSecret}` };
      const response = await fetch(url, { method: "POST", headers, signal: AbortSignal.timeout(everyMs) });
      await response.arrayBuffer();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      failing = false;
    } catch (error) {
      if (!failing)
        report(`The reconciler's call failed (${reasonOf(error)}); it is tried again each minute`);
      failing = true;
    }
  };
  const timer = setInterval(() => void run(), everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
