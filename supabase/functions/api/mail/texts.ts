/** The kinds of mails to end users. */
export const appMailKinds = [
  "verification",
  "password_reset",
  "password_changed",
  "email_change",
  "email_change_asked",
  "email_changed",
] as const;
export type AppMailKind = (typeof appMailKinds)[number];

/** `{app}` stands for the name of the app, and `{duration}` for the lifetime of a link. */
type MailTexts = {
  subject: string;
  /** The text that an inbox shows beside the subject. */
  preview: string;
  title: string;
  paragraphs: string[];
  /** The text of the button. */
  action?: string;
  /** The text above the code. */
  code?: string;
  notes: string[];
};

/** The texts of the pages behind links. `{email}` stands for an address. */
export type PageText =
  | "email"
  | "sent"
  | "too_old"
  | "too_many"
  | "unreachable"
  | "failed"
  | "wait"
  | "back"
  | `verify_${"title" | "hint" | "button" | "done" | "used" | "ask"}`
  | `reset_${"title" | "hint" | "password" | "again" | "button" | "differ" | "weak" | "done" | "used" | "ask"}`;

export type Texts = { mails: Record<AppMailKind, MailTexts>; page: Record<PageText, string> };
