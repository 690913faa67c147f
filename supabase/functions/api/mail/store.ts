import type { Database } from "../clients/database.ts";
import type { Language } from "./languages.ts";
import type { AppMailKind } from "./texts.ts";

export type Recipient = {
  user_id: string;
  email: string;
  full_name: string | null;
  is_verified: boolean;
};
/** How the mail of a project looks; null is the built-in one. */
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
/** A developer key, or with `project_name` an API key. */
export type KeyDetails = {
  name: string | null;
  key_prefix: string;
  management?: boolean;
  project_name?: string;
};

export type OutboxRow = {
  id: string;
  /** How often it was claimed, this time included. */
  attempts: number;
  created_at: string;
  /** Null is nobody: an unknown address, or an account that is closed or gone. */
  recipient: Recipient | null;
  /** The app that writes; null is the platform. */
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

/** Digests of the token and the code of a mail that is about to go out. False when it is worth nothing any more. */
export const addMailToken = (db: Database, mailId: string, digest: string, codeDigest: string) =>
  db.write<boolean>("add_mail_token", [mailId, digest, codeDigest]);

export const finishMail = (db: Database, id: string) => db.write<null>("finish_mail", [id]);

export const retryMail = (db: Database, id: string, waitSeconds: number, error: string) =>
  db.write<null>("retry_mail", [id, waitSeconds, error]);
