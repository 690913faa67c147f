// Checks a running service from outside, as its clients and operators use it, and names a fix for each problem.
import { type Check, type Finding, renderFindings } from "./doctor/finding.ts";
import { checkAuth, checkBuckets } from "./doctor/platform.ts";
import {
  checkFunction,
  checkMail,
  checkMigrations,
  checkOperator,
  checkParts,
  checkReconciler,
  checkReplicate,
  checkWebhook,
} from "./doctor/service.ts";
import { checkSettings } from "./doctor/settings.ts";
import { findTarget } from "./doctor/target.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { defaultBasePort } from "./local/settings.ts";

const helpText = `Checks the settings and parts of a Cloud API, and suggests a fix for each problem.

  npm run doctor                                    the stack of npm start (--port, --data as there)
  npm run doctor -- --local                         supabase start, with supabase/functions/.env
  npm run doctor -- --url https://<ref>.supabase.co a hosted project, with supabase/functions/.env.production (--settings for another)
  npm run doctor -- --json                          the findings as JSON

For a hosted project set CLOUD_API_SECRET_KEY and CLOUD_API_PUBLISHABLE_KEY (Dashboard → API keys) and CLOUD_API_OPERATOR_KEY
(npm run operator). It makes one user of Auth without an account, removes it again, and runs the reconciler once.
The exit code is 1 when something failed.`;

/** The checks in the best order for repairs, and whether each calls the function. */
const checks: readonly [Check, boolean][] = [
  [checkSettings, false],
  [checkFunction, false],
  [checkParts, true],
  [checkOperator, true],
  [checkMigrations, true],
  [checkBuckets, false],
  [checkAuth, false],
  [checkWebhook, true],
  [checkMail, true],
  [checkReplicate, true],
  [checkReconciler, true],
];

async function main(): Promise<void> {
  const { port, data, local, url, json, settings } = readCommandLine("npm run doctor", helpText, {
    port: { type: "string", short: "p" },
    data: { type: "string" },
    local: { type: "boolean" },
    url: { type: "string" },
    settings: { type: "string" },
    json: { type: "boolean" },
  }).values;
  const target = findTarget(
    { port: Number(port ?? defaultBasePort), data, local, url, env_file: settings },
    process.env,
  );
  const findings: Finding[] = [];
  const answers = (await target.health()).status !== 0;
  // One process answers for every part of the embedded stack.
  const isStopped = !answers && target.kind === "embedded";
  for (const [check, asksFunction] of checks)
    if (isStopped ? check === checkFunction : answers || !asksFunction)
      findings.push(...(await check(target)));
  if (json) console.log(JSON.stringify(findings, null, 2));
  else console.log(renderFindings(target, findings));
  if (findings.some(({ status }) => status === "fail")) process.exitCode = 1;
}

await runMain(main, "The doctor failed");
