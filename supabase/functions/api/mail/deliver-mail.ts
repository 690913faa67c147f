import type { Deps } from "../context.ts";
import { inBatches } from "../in-batches.ts";
import type { JobResult } from "../job-result.ts";
import { codeDigest, createMailSecret, digestOf, type MailSecret } from "./mail-secret.ts";
import { addMailToken, claimMail, finishMail, type OutboxRow, type Recipient, retryMail } from "./store.ts";
import { writeMail } from "./write-mail.ts";

const batchSize = 10;
const giveUpMs = 24 * 60 * 60_000;

/**
 * Sends the due mails of the outbox. Requests start it after their answer, and the reconciler once a minute. Only one of them claims
 * each row. A failed mail is retried after one, two, four … minutes and deleted after a day.
 */
export async function deliverMail(deps: Deps): Promise<JobResult> {
  if (!deps.mailer.configured) return { checked: 0, failed: 0 };
  const deliverAll = async (due: OutboxRow[]) => {
    const sent = await Promise.all(due.map((row) => deliver(deps, row)));
    return sent.filter((ok) => !ok).length;
  };
  return inBatches(() => claimMail(deps.database, batchSize), deliverAll, batchSize);
}

async function deliver(deps: Deps, row: OutboxRow): Promise<boolean> {
  try {
    if (row.recipient !== null) await send(deps, row, row.recipient);
    await finishMail(deps.database, row.id);
    return true;
  } catch (cause) {
    const old = Date.now() - Date.parse(row.created_at) > giveUpMs;
    deps.log(old ? "error" : "warn", old ? "a mail was given up" : "a mail could not be sent", {
      mail_id: row.id,
      kind: row.kind,
      attempts: row.attempts,
      cause,
    });
    if (old) await finishMail(deps.database, row.id);
    else
      await retryMail(
        deps.database,
        row.id,
        waitSeconds(row.attempts),
        cause instanceof Error ? cause.message : "unknown",
      );
    return false;
  }
}

/** One minute after the first attempt, then twice as long each time, at most an hour. */
export function waitSeconds(attempts: number): number {
  return Math.min(60 * 2 ** (attempts - 1), 3_600);
}

const withToken = new Set<string>(["verification", "password_reset", "email_change"]);

async function send(deps: Deps, row: OutboxRow, recipient: Recipient): Promise<void> {
  if (row.kind === "verification" && recipient.is_verified) return;
  const secret = withToken.has(row.kind) ? await makeSecret(deps, row.id, recipient) : null;
  if (secret === "none") return;
  const mail = writeMail({ row, recipient, secret, env: deps.env });
  // A new attempt has a new token, so the provider must treat it as a new mail.
  await deps.mailer.send({ ...mail, id: `${row.id}-${row.attempts}`, to: recipient.email });
}

/** Makes the secret at delivery, since only digests are stored. "none" when the mail is no longer needed. */
async function makeSecret(
  { database, env }: Deps,
  mailId: string,
  { user_id }: Recipient,
): Promise<MailSecret | "none"> {
  const secret = createMailSecret();
  const code = codeDigest(env.secret_key, user_id, secret.code);
  return (await addMailToken(database, mailId, digestOf(secret.token), code)) ? secret : "none";
}
