import type { Env } from "../env.ts";
import { type Letter, toHtml, toText } from "./layout.ts";
import { mailLink } from "./mail-link.ts";
import { type MailSecret, spelledCode } from "./mail-token.ts";
import type { OutboxRow, Recipient } from "./store.ts";

type Occasion = {
  row: OutboxRow;
  recipient: Recipient;
  secret: MailSecret | null;
  env: Pick<Env, "public_url" | "pages_url">;
};

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

function letterFor({ row, recipient, secret, env }: Occasion): Letter {
  const sender = row.project?.name ?? "Cloud API";
  const { public_url, pages_url } = env;
  const place = { project: row.project, public_url, pages_url, user_id: recipient.user_id };
  const { token = "", code = "" } = secret ?? {};
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
        action: { label: "Confirm address", url: mailLink("verify-email", token, place) },
        code: { label: "Or type this code where you are asked for it", value: spelledCode(code) },
        notes: [
          "The link and the code work once, within a day.",
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
        action: { label: "Set a new password", url: mailLink("reset-password", token, place) },
        code: { label: "Or paste this code where you are asked for it", value: token },
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
    case "email_change":
      return {
        sender,
        subject: `Confirm your new address for ${sender}`,
        preview: "From then on you sign in with this address.",
        title: "Confirm your new address",
        paragraphs: [
          `Somebody, most likely you, wants to use this address for an account at ${sender}.`,
          "From the moment you confirm it, you sign in with this address.",
        ],
        action: { label: "Confirm address", url: mailLink("verify-email", token, place) },
        code: { label: "Or paste this code where you are asked for it", value: token },
        notes: [
          "The link and the code work once, within a day.",
          "If you did not ask for this, do nothing: the account keeps its old address.",
        ],
      };
    case "email_change_asked":
      return {
        sender,
        subject: `A new address was asked for, for your account at ${sender}`,
        preview: "It counts when the new address is confirmed.",
        title: "Your address is about to change",
        paragraphs: [
          `Somebody who knows your password asked to use another address for your account at ${sender}. We have sent a link to that address. Nothing changes until it is opened.`,
        ],
        notes: ["If this was not you, set a new password now: that also stops the change."],
      };
    case "email_changed":
      return {
        sender,
        subject: `Your account at ${sender} has a new address`,
        preview: "You sign in with the new address from now on.",
        title: "Your address was changed",
        paragraphs: [
          `Your account at ${sender} now uses another address. This one does not sign in any more.`,
        ],
        notes: ["If this was not you, ask whoever runs the app for help at once."],
      };
    case "project_offered": {
      const { project_name, owner_email } = row.details;
      return {
        sender,
        subject: `The project ${project_name} is offered to you`,
        preview: "You decide whether to take it.",
        title: "A project is offered to you",
        paragraphs: [
          `${owner_email} wants to hand the project “${project_name}” over to you, with its users and pictures.`,
          "To take it, sign in and call POST /projects/{project_id}/transfer/accept; GET /projects/transfers shows the offer. Its API keys are revoked then, so make new ones.",
        ],
        notes: ["The offer ends after seven days. If you do not know the sender, do nothing."],
      };
    }
    case "project_transferred":
      return {
        sender,
        subject: `Your project ${row.details.project_name} was handed over`,
        preview: "It belongs to the developer whom you offered it to.",
        title: "Your project was handed over",
        paragraphs: [
          `The project “${row.details.project_name}” now belongs to the developer whom you offered it to. Your keys do not work for it any more.`,
        ],
        notes: ["If you did not offer it, change your password and ask whoever runs the platform for help."],
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
