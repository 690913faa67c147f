import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { ask, type Target } from "./target.ts";

const schedule =
  "npm run deploy stores reconcile_url and cron_secret in the vault; elsewhere let a scheduler POST to /api/v1/internal/reconcile each minute";

/** The reconciler is called each minute, with its secret. */
export const checkReconciler: Check = async (target) => {
  const { service } = (await target.health()).body;
  const findings = await trySecret(target);
  if (service === undefined) return findings;
  const { status, last_run_at, jobs } = service.reconciler as {
    status: string;
    last_run_at: string | null;
    jobs: Record<string, { failing_since: string | null }>;
  };
  const failing = Object.entries(jobs).filter(([, { failing_since }]) => failing_since !== null);
  if (status === "healthy") findings.push(ok("reconciler", `ran at ${last_run_at}`));
  else if (status === "failing")
    findings.push(
      warn(
        "reconciler",
        `${failing.map(([name]) => name).join(", ")} failed when it ran last`,
        "look for `a job of the reconciler broke` and `could not` in the log of the functions",
      ),
    );
  // In its first minute the embedded stack's timer has not fired yet. The check above has shown that a call works.
  else if (target.kind === "embedded" && findings.every((finding) => finding.status === "ok"))
    findings.push(ok("reconciler", "npm start calls it each minute"));
  else
    findings.push(
      fail("reconciler", last_run_at === null ? "never ran" : `ran last at ${last_run_at}`, schedule),
    );
  return findings;
};

async function trySecret({ base, cron_secret, env_file }: Target): Promise<Finding[]> {
  if (cron_secret === undefined)
    return [warn("cron secret", "not looked at", `set CRON_SECRET in ${env_file ?? "the environment"}`)];
  const { status, reason } = await ask(`${base}/api/v1/internal/reconcile`, {
    method: "POST",
    headers: { Authorization: `Bearer ${cron_secret}` },
  });
  if (status === 200) return [ok("cron secret", "accepted")];
  if (status === 401)
    return [
      fail(
        "cron secret",
        "the function refuses it",
        "set the same CRON_SECRET for the functions (npx supabase secrets set) and in the vault",
      ),
    ];
  return [fail("cron secret", `/internal/reconcile: ${reason}`, "look at the log of the functions")];
}
