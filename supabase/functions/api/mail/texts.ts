/** Mails that people who use an app get. */
export const appMailKinds = [
  "verification",
  "password_reset",
  "password_changed",
  "email_change",
  "email_change_asked",
  "email_changed",
] as const;
export type AppMailKind = (typeof appMailKinds)[number];

/** `{app}` stands for the name of the app, `{duration}` for how long a link works. */
export type MailTexts = {
  subject: string;
  /** What an inbox shows beside the subject. */
  preview: string;
  title: string;
  paragraphs: string[];
  /** On the button. */
  action?: string;
  /** Above the code. */
  code?: string;
  notes: string[];
};

/** What the pages say that links lead to; `{email}` stands for an address. */
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
