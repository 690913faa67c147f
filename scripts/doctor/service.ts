import { randomUUID } from "node:crypto";
import { migrations } from "../../supabase/functions/api/migrations.gen.ts";
import { isPublic } from "../../supabase/functions/api/reach.ts";
import { version } from "../../supabase/functions/api/version.ts";
import { type Check, type Finding, fail, ok, warn } from "./finding.ts";
import { ask, type Kind, type Target } from "./target.ts";

/** The command that updates the functions to this checkout. */
const serve: Record<Kind, string> = {
  embedded: "npm start, or --port for a stack on another port",
  local: "npx supabase functions serve --env-file supabase/functions/.env",
  hosted: "npx supabase functions deploy --use-api",
};

/** Checks that the functions answer at every URL that clients use, in the version of this checkout. */
export const checkFunction: Check = async ({ kind, base }) => {
  const fix = serve[kind];
  const live = await ask(`${base}/health`);
  if (live.status !== 200 || live.body.status !== "healthy")
    return [fail("function", `${base}/health: ${live.reason}`, fix)];
  const findings: Finding[] = [ok("function", `answers at ${base}`)];
  if (live.body.version !== version)
    findings.push(warn("function", `it is version ${live.body.version}, this checkout is ${version}`, fix));
  // A refused GET shows that the function exists, and creates nothing.
  const generation = await ask(`${base}/generation/generate-v2`);
  if (generation.status !== 405)
    findings.push(fail("function", `${base}/generation/…: ${generation.reason}`, fix));
  return findings;
};

const platform = "look at the status page of the platform, and at the secret key of the functions";

/** The services behind the function. `without` is the problem if a service is not set up; other services are optional. */
const parts: Record<string, { fix: string; without?: [string, string] }> = {
  database: { fix: "look at DATABASE_URL of the functions, and whether the database is paused" },
  auth: { fix: platform },
  storage: { fix: platform },
  redis: { fix: "look at REDIS_URL; limits are counted in Postgres meanwhile" },
  mail: {
    fix: "look at SMTP_HOST and SMTP_PORT, or RESEND_API_URL; mail waits meanwhile",
    without: ["nobody delivers mail", "set MAIL_FROM and RESEND_API_KEY, or SMTP_HOST"],
  },
  image_provider: {
    fix: "look at REPLICATE_API_URL, and https://www.replicatestatus.com",
    without: ["generation answers 503", "set REPLICATE_API_TOKEN"],
  },
};

export const checkParts: Check = async ({ health }) => {
  const { status, body, reason } = await health();
  if (status !== 200 && status !== 503)
    return [fail("parts", `/health/detailed: ${reason}`, "fix the function first")];
  return Object.entries(parts).flatMap(([part, { fix, without }]): Finding | Finding[] => {
    const state = body[part] as { status?: string; latency_ms?: number; error?: string } | undefined;
    if (state?.status === "healthy") return ok(part, `answers in ${state.latency_ms} ms`);
    if (state?.status === "not_configured") return without === undefined ? [] : fail(part, ...without);
    return fail(part, `does not answer (${state?.error ?? "unknown"})`, fix);
  });
};

const makeKey: Record<Kind, string> = {
  embedded: "npm run operator -- key <address> --port <port>",
  local: "npm run operator -- key <address> with DATABASE_URL set to its database",
  hosted: "npm run operator -- key <address> with DATABASE_URL set to the project's",
};

/** Checks the operator key. Without it most problems stay hidden. */
export const checkOperator: Check = async ({ kind, health, operator_key }) => {
  const { status, body, reason } = await health();
  if (body.service !== undefined) return [ok("operator", "the key is accepted")];
  const fix = `${makeKey[kind]}, and set CLOUD_API_OPERATOR_KEY to what it prints`;
  if (operator_key !== undefined)
    return [fail("operator", status === 403 ? `the key is refused (${body.code})` : reason, fix)];
  if (kind === "embedded")
    return [
      fail("operator", "no stack has run with this data folder", "npm start, or --data for another folder"),
    ];
  return [warn("operator", "without an operator key migrations, jobs and mail are not checked", fix)];
};

const migrate: Record<Kind, string> = {
  embedded: "stop npm start, and start it again",
  local: "npx supabase db push",
  hosted: "npx supabase db push --remote",
};

/** Checks that the database has the migrations of this checkout, and no newer ones. */
export const checkMigrations: Check = async ({ kind, health }) => {
  const { service } = (await health()).body;
  if (service === undefined) return [];
  const { applied, missing, unknown, expected } = service.migrations;
  const [about, first] = ["migrations", missing[0]];
  if (first !== undefined)
    return [fail(about, `${missing.length} not applied, the first is ${first}`, migrate[kind])];
  if (unknown.length > 0)
    return [
      warn(
        about,
        `${unknown.length} are newer than the function`,
        "update the functions: git pull, then deploy them",
      ),
    ];
  // An older function does not know the newest migrations of this checkout.
  if (expected < migrations.length)
    return [warn(about, "the function is older than this checkout", `${serve[kind]}, then look again`)];
  return [ok(about, `all ${applied} applied`)];
};

const address = "to the address that the internet calls, without /api/v1";

/** Checks the webhook for Replicate's results. The function must be public, and must refuse them without a signature. */
export const checkWebhook: Check = async ({ kind, base, health }) => {
  const public_url = String((await health()).body.service?.settings?.public_url ?? base);
  if (kind === "hosted" && !isPublic(public_url)) {
    const says = `${public_url} is not a public address, so Replicate cannot call it`;
    return [fail("webhook", says, `unset PUBLIC_URL, or set it ${address}`)];
  }
  // Links in mails and pictures use the public URL, but this request used another one.
  if (URL.parse(public_url)?.origin !== URL.parse(base)?.origin) {
    const says = `clients get links to ${public_url}, but this check used ${base}`;
    return [fail("public address", says, "set PUBLIC_URL to the address that clients call, without /api/v1")];
  }
  const url = `${public_url}/api/v1/generation/webhooks/replicate`;
  const { status, body, reason } = await ask(`${url}?generation_id=${randomUUID()}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  return status === 401 && body.code === "invalid_webhook_signature"
    ? [ok("webhook", `${public_url} takes signed ones only`)]
    : [fail("webhook", `${url}: ${reason}`, `set PUBLIC_URL ${address}`)];
};

const oldSeconds = 15 * 60;

/** Checks that mail can be sent, from a deliverable address. */
export const checkMail: Check = async ({ kind, health }) => {
  const { service } = (await health()).body;
  if (service === undefined) return [];
  const { waiting, failing, oldest_seconds } = service.mail_outbox;
  const from = String(service.settings.mail_from);
  const findings: Finding[] = [];
  if (kind === "hosted" && /\.(test|invalid|example|localhost)$/.test(from))
    findings.push(
      fail(
        "mail sender",
        `${from} is not a deliverable address`,
        "set MAIL_FROM to one of a verified domain",
      ),
    );
  const fix = "look for `a mail could not be sent` in the log of the functions";
  findings.push(
    failing > 0 || oldest_seconds > oldSeconds
      ? warn("mail outbox", `${waiting} wait, ${failing} of them failed before`, fix)
      : ok("mail outbox", waiting === 0 ? "empty" : `${waiting} on their way`),
  );
  return findings;
};

/** Checks that Replicate accepts the token of the running function. */
export const checkReplicate: Check = async ({ health }) => {
  const about = "replicate token";
  const fix = "make one at https://replicate.com/account/api-tokens and set REPLICATE_API_TOKEN";
  const verdicts: Record<string, Finding> = {
    accepted: ok(about, "accepted"),
    refused: fail(about, "Replicate refuses it", fix),
    unknown: warn(about, "Replicate did not say whether it is good", "look again in a minute"),
  };
  const verdict = verdicts[(await health()).body.service?.replicate_token];
  return verdict === undefined ? [] : [verdict];
};

/** Checks that the reconciler is called each minute, with its secret. */
export const checkReconciler: Check = async (target) => {
  const secret = await trySecret(target);
  const { service } = (await target.health()).body;
  if (service === undefined) return [secret];
  const about = "reconciler";
  const { status, last_run_at, jobs } = service.reconciler;
  if (status === "healthy") return [secret, ok(about, `ran at ${last_run_at}`)];
  if (status === "failing") {
    const failing = Object.keys(jobs).filter((name) => jobs[name].failing_since !== null);
    const fix = "look for `a job of the reconciler broke` and `could not` in the log of the functions";
    return [secret, warn(about, `${failing.join(", ")} failed when it ran last`, fix)];
  }
  // In the first minute, the embedded stack's timer has not fired yet. The check above has proved that a call works.
  if (target.kind === "embedded" && secret.status === "ok")
    return [secret, ok(about, "npm start calls it each minute")];
  const says = last_run_at === null ? "never ran" : `ran last at ${last_run_at}`;
  const fix =
    "npm run deploy stores reconcile_url and cron_secret in the vault; elsewhere let a scheduler POST to /api/v1/internal/reconcile each minute";
  return [secret, fail(about, says, fix)];
};

async function trySecret({ base, cron_secret, env_file }: Target): Promise<Finding> {
  const about = "cron secret";
  if (cron_secret === undefined)
    return warn(about, "not looked at", `set CRON_SECRET in ${env_file ?? "the environment"}`);
  const headers = { Authorization: `Bearer ${cron_secret}` };
  const { status, reason } = await ask(`${base}/api/v1/internal/reconcile`, { method: "POST", headers });
  if (status === 200) return ok(about, "accepted");
  const fix = "set the same CRON_SECRET for the functions (npx supabase secrets set) and in the vault";
  return status === 401
    ? fail(about, "the function refuses it", fix)
    : fail(about, `/internal/reconcile: ${reason}`, "look at the log of the functions");
}
