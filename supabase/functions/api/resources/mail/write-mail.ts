import type { MailToken } from "../../clients/auth.ts";
import { type Letter, toHtml, toText } from "./layout.ts";
import { mailLink } from "./links.ts";
import type { OutboxRow, Recipient } from "./store.ts";

type Occasion = { row: OutboxRow; recipient: Recipient; token: MailToken | null; public_url: string };

/** The mail of an outbox row. It never repeats the account's name: whoever registers somebody else's address chose it. */
export function writeMail(occasion: Occasion): {
  from_name: string;
  subject: string;
  text: string;
  html: string;
} {
  const letter = letterFor(occasion);
  return { from_name: letter.sender, subject: letter.subject, text: toText(letter), html: toHtml(letter) };
}

function letterFor({ row, recipient, token, public_url }: Occasion): Letter {
  const sender = row.project?.name ?? "Cloud API";
  const place = { site_url: row.project?.site_url ?? null, public_url, user_id: recipient.user_id };
  const { token: secret = "", code = "" } = token ?? {};
  switch (row.kind) {
    case "verification":
      return {
        sender,
        subject: `Confirm your address for ${sender}`,
        preview: "One click, and your account is ready.",
        title: "Confirm your address",
        paragraphs: [
          `An account at ${sender} was made with this address. Please confirm that the address is yours.`,
        ],
        action: { label: "Confirm address", url: mailLink("verify-email", secret, place) },
        code: { label: "Or type this code where you are asked for it", value: code },
        notes: [
          "The link and the code work once, within an hour.",
          "If you did not make this account, do nothing: without this mail nobody can confirm it.",
        ],
      };
    case "password_reset":
      return {
        sender,
        subject: `Set a new password for ${sender}`,
        preview: "The link works once, within an hour.",
        title: "Set a new password",
        paragraphs: [`Somebody, most likely you, asked for a new password for your account at ${sender}.`],
        action: { label: "Set a new password", url: mailLink("reset-password", secret, place) },
        code: { label: "Or paste this code where you are asked for it", value: secret },
        notes: [
          "The link and the code work once, within an hour. A new password signs you out everywhere.",
          "If you did not ask for this, do nothing: your password stays as it is.",
        ],
      };
    case "password_changed":
      return {
        sender,
        subject: `Your password for ${sender} was changed`,
        preview: "Every other session was ended.",
        title: "Your password was changed",
        paragraphs: [
          `The password of your account at ${sender} was changed just now. Every other session was ended.`,
        ],
        notes: [
          "If this was not you, somebody else knows your password or reads your mail: set a new password at once, and ask whoever runs the app for help.",
        ],
      };
    case "key_created": {
      const { name, key_prefix, management, project_name } = row.details;
      const kind = project_name === undefined ? "developer key" : "API key";
      const owner = project_name === undefined ? "your account" : `your project ${project_name}`;
      const title = project_name === undefined ? "A new developer key was made" : "A new API key was made";
      return {
        sender,
        subject: title,
        preview: `It begins with ${key_prefix}.`,
        title,
        paragraphs: [
          `${project_name === undefined ? "A" : "An"} ${kind}${name === null ? "" : ` called “${name}”`} was made for ${owner}. It begins with ${key_prefix}.`,
          management
            ? "It manages your projects without a login. Keep it on your servers and out of every page."
            : "It names your apps. It cannot manage your projects.",
        ],
        notes: ["If this was not you, revoke the key and change your password."],
      };
    }
  }
}
