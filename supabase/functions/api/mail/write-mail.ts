import type { Env } from "../env.ts";
import { appName, platformName } from "./app-name.ts";
import { fill, hoursIn, languages } from "./languages.ts";
import { type Letter, type Look, toHtml, toText } from "./letter.ts";
import { type LinkPage, mailLink } from "./mail-link.ts";
import { type MailSecret, spelledCode } from "./mail-secret.ts";
import { platformLetters } from "./platform-letters.ts";
import type { MailProject, OutboxRow, Recipient } from "./store.ts";
import type { AppMailKind } from "./texts.ts";

export type Written = { from_name: string; subject: string; text: string; html: string };
type Place = {
  project: MailProject | null;
  user_id: string;
  secret: MailSecret | null;
  env: Pick<Env, "public_url" | "pages_url">;
};

/** The page of a mail's link, and the link's lifetime as in private.add_mail_token. */
export const links: Partial<Record<AppMailKind, { page: LinkPage; hours: number }>> = {
  verification: { page: "verify-email", hours: 24 },
  password_reset: { page: "reset-password", hours: 1 },
  email_change: { page: "verify-email", hours: 24 },
};

/** The mail of an outbox row. It never contains the account's name, since a stranger may have registered the address. */
export function writeMail({
  row,
  recipient: { user_id },
  secret,
  env,
}: {
  row: OutboxRow;
  recipient: Recipient;
  secret: MailSecret | null;
  env: Place["env"];
}): Written {
  const look = lookOf(row.project);
  const place = { project: row.project, user_id, secret, env };
  switch (row.kind) {
    case "mail_test":
      return written(appLetter(row.details.sample, look, { ...place, secret: sampleSecret }), look);
    case "project_offered":
      return written(platformLetters.project_offered(row), look);
    case "project_transferred":
      return written(platformLetters.project_transferred(row), look);
    case "key_created":
      return written(platformLetters.key_created(row), look);
    default:
      return written(appLetter(row.kind, look, place), look);
  }
}

const sampleSecret: MailSecret = { token: "0".repeat(64), code: "12345678" };

/** A project's mail with a link that does nothing. */
export function sampleMail(kind: AppMailKind, project: MailProject, env: Place["env"]): Written {
  const look = lookOf(project);
  return written(appLetter(kind, look, { project, user_id: project.id, secret: sampleSecret, env }), look);
}

const written = (letter: Letter, look: Look): Written => ({
  from_name: look.name,
  subject: letter.subject,
  text: toText(letter, look),
  html: toHtml(letter, look),
});

const platform: Look = {
  name: platformName,
  site_url: null,
  logo_url: null,
  accent_color: null,
  language: "en",
  footer: null,
};

function lookOf(project: MailProject | null): Look {
  if (project === null) return platform;
  return { ...project.mail, site_url: project.site_url, name: appName(project) };
}

function appLetter(kind: AppMailKind, look: Look, { project, user_id, secret, env }: Place): Letter {
  const texts = languages[look.language].mails[kind];
  const link = links[kind];
  const values = { app: look.name, ...(link && { duration: hoursIn(look.language, link.hours) }) };
  const say = (text: string) => fill(text, values);
  const letter = {
    subject: say(texts.subject),
    preview: say(texts.preview),
    title: say(texts.title),
    paragraphs: texts.paragraphs.map(say),
    notes: texts.notes.map(say),
  };
  if (link === undefined || texts.action === undefined || texts.code === undefined || secret === null)
    return letter;
  const { public_url, pages_url } = env;
  const url = mailLink(link.page, secret.token, { project, public_url, pages_url, user_id });
  const value = kind === "verification" ? spelledCode(secret.code) : secret.token;
  return { ...letter, action: { label: texts.action, url }, code: { label: texts.code, value } };
}
