import { type Check, type Finding, fail, ok, warn } from "./check.ts";

const oldSeconds = 15 * 60;

/** Mail gets out, and comes from an address that can be delivered. */
export const checkMail: Check = async ({ kind, health }) => {
  const { service } = (await health()).body;
  if (service === undefined) return [];
  const { waiting, failing, oldest_seconds } = service.mail_outbox as Record<string, number>;
  const from = String(service.settings.mail_from);
  const findings: Finding[] = [];
  if (kind === "hosted" && /\.(test|invalid|example|localhost)$/.test(from))
    findings.push(
      fail("mail sender", `${from} is nobody's address`, "set MAIL_FROM to one of a verified domain"),
    );
  findings.push(
    (failing ?? 0) > 0 || (oldest_seconds ?? 0) > oldSeconds
      ? warn(
          "mail outbox",
          `${waiting} wait, ${failing} of them failed before`,
          "look for `a mail could not be sent` in the log of the functions",
        )
      : ok("mail outbox", waiting === 0 ? "empty" : `${waiting} on their way`),
  );
  return findings;
};
