import type { Database } from "../clients/database.ts";
import type { Language } from "./languages.ts";
import type { AppMailKind } from "./texts.ts";

export type Recipient = {
  user_id: string;
  email: string;
  full_name: string | null;
  is_verified: boolean;
};
/** The design of a project's mails. Null means the default. */
export type MailSettings = {
  sender_name: string | null;
  logo_url: string | null;
  accent_color: string | null;
  language: Language;
  footer: string | null;
};
export type MailProject = {
  id: string;
  name: string;
  site_url: string | null;
  verify_url: string | null;
  reset_url: string | null;
  mail: MailSettings;
};
/** A developer key, or an API key when it has a `project_name`. */
type KeyDetails = {
  name: string | null;
  key_prefix: string;
  management?: boolean;
  project_name?: string;
};

export type OutboxRow = {
  id: string;
  /** The number of claims, including this one. */
  attempts: number;
  created_at: string;
  /** Null for an unknown address, and for a closed or deleted account. */
  recipient: Recipient | null;
  /** The app that sends the mail. Null means the platform. */
  project: MailProject | null;
} & (
  | { kind: AppMailKind }
  | { kind: "mail_test"; details: { sample: AppMailKind } }
  | { kind: "project_offered"; details: { project_name: string; owner_email: string } }
  | { kind: "project_transferred"; details: { project_name: string } }
  | { kind: "key_created"; details: KeyDetails }
);

export const claimMail = (db: Database, batchSize: number) =>
  db.write<OutboxRow[]>("claim_mail", [batchSize]);

/** Stores the digests of a mail's token and code before it is sent. False when the mail is no longer needed. */
export const addMailToken = (db: Database, mailId: string, digest: string, codeDigest: string) =>
  db.write<boolean>("add_mail_token", [mailId, digest, codeDigest]);

export const finishMail = (db: Database, id: string) => db.write<null>("finish_mail", [id]);

export const retryMail = (db: Database, id: string, waitSeconds: number, error: string) =>
  db.write<null>("retry_mail", [id, waitSeconds, error]);
