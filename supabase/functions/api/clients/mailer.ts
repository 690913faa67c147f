import { parseEmailAddress } from "../email-address.ts";
import type { Env } from "../env.ts";

/** One message. Text and HTML have the same content. */
export type Mail = {
  /** Repetitions of one attempt have the same id, so that the provider can drop them. */
  id: string;
  to: string;
  from_name: string;
  subject: string;
  text: string;
  html: string;
};

/** Sends mail by Resend's HTTP API or by an SMTP server. */
export type Mailer = {
  configured: boolean;
  /** Resolves when the service has accepted the mail. @throws Error without the recipient's address in its message. */
  send(mail: Mail): Promise<void>;
  /** Resolves when the service is reachable, and a mail server accepts the login. */
  check(deadlineMs: number): Promise<void>;
};

const timeoutMs = 10_000;
/** Out-of-office replies are not sent to such mails (RFC 3834). */
const automatic = { "Auto-Submitted": "auto-generated" };

export function createMailer(env: Env, fetcher: typeof fetch = fetch): Mailer {
  if (env.resend_api_key !== undefined)
    return {
      configured: true,
      send: async (mail) => sendByHttp(env, addressed(mail), fetcher),
      check: (deadlineMs) => reach(env, fetcher, deadlineMs),
    };
  if (env.smtp_host !== undefined)
    return {
      configured: true,
      send: async (mail) => sendBySmtp(env, addressed(mail)),
      check: (deadlineMs) => verifySmtp(env, deadlineMs),
    };
  const missing = () =>
    Promise.reject(new Error("no mail service is configured: RESEND_API_KEY or SMTP_HOST"));
  return { configured: false, send: missing, check: missing };
}

/** Parses the address again, since `Name <address>` would reach somebody else. */
function addressed(mail: Mail): Mail {
  const to = parseEmailAddress(mail.to);
  if (to === null) throw new Error("the stored address is no plain address");
  return { ...mail, to };
}

async function reach(env: Env, fetcher: typeof fetch, deadlineMs: number): Promise<void> {
  const response = await fetcher(env.resend_api_url, { signal: AbortSignal.timeout(deadlineMs) });
  await response.body?.cancel();
  if (response.status >= 500) throw new Error(`the mail service answered ${response.status}`);
}

async function verifySmtp(env: Env, deadlineMs: number): Promise<void> {
  const transport = await openTransport(env, deadlineMs);
  try {
    await transport.verify();
  } finally {
    transport.close();
  }
}

async function openTransport(env: Env, waitMs: number) {
  // Loaded only when needed, since hosted functions send by HTTP and start faster without it.
  const { createTransport } = await import("nodemailer");
  return createTransport({
    host: env.smtp_host,
    port: env.smtp_port,
    // Port 465 uses TLS from the first byte. Other ports switch to TLS when the server offers it, and a login requires it.
    secure: env.smtp_port === 465,
    requireTLS: env.smtp_user !== undefined,
    // Without a name nodemailer would read the host name, which needs a permission in Deno.
    name: env.mail_from.split("@")[1],
    connectionTimeout: waitMs,
    greetingTimeout: waitMs,
    socketTimeout: waitMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(env.smtp_user === undefined ? {} : { auth: { user: env.smtp_user, pass: env.smtp_password ?? "" } }),
  });
}

/** https://resend.com/docs/api-reference/emails/send-email */
async function sendByHttp(env: Env, mail: Mail, fetcher: typeof fetch): Promise<void> {
  const response = await fetcher(`${env.resend_api_url}/emails`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${env.resend_api_key}`,
      "Content-Type": "application/json",
      "Idempotency-Key": mail.id,
    },
    body: JSON.stringify({
      from: `"${displayName(mail.from_name)}" <${env.mail_from}>`,
      to: [mail.to],
      subject: oneLine(mail.subject),
      text: mail.text,
      html: mail.html,
      headers: automatic,
    }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return;
  const { name } = (body ?? {}) as { name?: unknown };
  throw new Error(
    `the mail service answered ${response.status}${typeof name === "string" ? ` ${name}` : ""}`,
  );
}

async function sendBySmtp(env: Env, mail: Mail): Promise<void> {
  const transport = await openTransport(env, timeoutMs);
  try {
    await transport.sendMail({
      from: { name: displayName(mail.from_name), address: env.mail_from },
      to: { name: "", address: mail.to },
      subject: oneLine(mail.subject),
      text: mail.text,
      html: mail.html,
      headers: automatic,
      messageId: `<${mail.id}@${env.mail_from.split("@")[1]}>`,
    });
  } catch (error) {
    // The server's message can contain the address.
    const { code, responseCode } = error as { code?: string; responseCode?: number };
    throw new Error(
      `the mail server refused: ${[code, responseCode].filter(Boolean).join(" ") || "unknown"}`,
    );
  } finally {
    transport.close();
  }
}

/** Removes control characters, line breaks and characters that change the text direction. */
const oneLine = (text: string) =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();

/** A name that cannot end its quotes and does not look like an address. */
function displayName(name: string): string {
  const plain = oneLine(name)
    .replace(/["\\<>@]/g, " ")
    .replace(/ +/g, " ")
    .trim();
  return [...plain].slice(0, 100).join("") || "Cloud API";
}
