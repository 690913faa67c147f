import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";

const parts = ["database", "auth", "storage", "redis", "mail", "image_provider"];

const causes: Record<string, string> = {
  database: "look at DATABASE_URL of the functions, and whether the database is paused",
  auth: "look at the status page of the platform, and at the secret key of the functions",
  storage: "look at the status page of the platform, and at the secret key of the functions",
  redis: "look at REDIS_URL; limits are counted in Postgres meanwhile",
  mail: "look at SMTP_HOST and SMTP_PORT, or RESEND_API_URL; mail waits meanwhile",
  image_provider: "look at REPLICATE_API_URL, and https://www.replicatestatus.com",
};

/** The function's report about the services behind it. */
export const checkParts: Check = async ({ health }) => {
  const { status, body, reason } = await health();
  if (status !== 200 && status !== 503)
    return [fail("parts", `/health/detailed: ${reason}`, "get the function to answer first")];
  return parts.flatMap((part): Finding[] => {
    const state = body[part] as { status?: string; latency_ms?: number; error?: string } | undefined;
    if (state?.status === "healthy") return [ok(part, `answers in ${state.latency_ms} ms`)];
    if (state?.status === "not_configured" && part !== "mail" && part !== "image_provider") return [];
    if (state?.status === "not_configured")
      return [
        part === "mail"
          ? fail(part, "nobody delivers mail", "set MAIL_FROM and RESEND_API_KEY, or SMTP_HOST")
          : fail(part, "generation answers 503", "set REPLICATE_API_TOKEN"),
      ];
    const says = `does not answer (${state?.error ?? "unknown"})`;
    return [fail(part, says, causes[part] ?? "")];
  });
};

/** Without an operator key most problems stay hidden. */
export const checkOperator: Check = async ({ kind, health, operator_key }) => {
  const { status, body, reason } = await health();
  if (body.service !== undefined) return [ok("operator", "the key is accepted")];
  const make = fixes.operator[kind];
  if (operator_key === undefined)
    return [
      kind === "embedded"
        ? fail(
            "operator",
            "no stack has run with this data folder",
            "npm start, or --data for another folder",
          )
        : warn("operator", "without an operator key migrations, jobs and mail are not looked at", make),
    ];
  return [fail("operator", status === 403 ? `the key is refused (${body.code})` : reason, make)];
};
