import type { Letter } from "./letter.ts";
import type { OutboxRow } from "./store.ts";

function projectOffered({
  details: { project_name, owner_email },
}: OutboxRow & { kind: "project_offered" }): Letter {
  return {
    subject: `The project ${project_name} is offered to you`,
    preview: "You can accept or decline it.",
    title: "A project is offered to you",
    paragraphs: [
      `${owner_email} wants to transfer the project “${project_name}” to you, with its users and pictures.`,
      "To accept it, sign in and call POST /projects/{project_id}/transfer/accept. GET /projects/transfers shows the offer. The transfer revokes the API keys, so create new ones.",
    ],
    notes: ["The offer ends after seven days. If you do not know the sender, do nothing."],
  };
}

function projectTransferred({
  details: { project_name },
}: OutboxRow & { kind: "project_transferred" }): Letter {
  return {
    subject: `Your project ${project_name} was transferred`,
    preview: "It belongs to the developer who accepted your offer.",
    title: "Your project was transferred",
    paragraphs: [
      `The project “${project_name}” now belongs to the developer who accepted your offer. Your keys no longer work for it.`,
    ],
    notes: ["If you did not offer it, change your password and ask the operator of the platform for help."],
  };
}

function keyCreated({
  details: { name, key_prefix, management, project_name },
}: OutboxRow & { kind: "key_created" }): Letter {
  const kind = project_name === undefined ? "developer key" : "API key";
  const owner = project_name === undefined ? "your account" : `your project ${project_name}`;
  const title = project_name === undefined ? "A new developer key was created" : "A new API key was created";
  return {
    subject: title,
    preview: `It begins with ${key_prefix}.`,
    title,
    paragraphs: [
      `${project_name === undefined ? "A" : "An"} ${kind}${name === null ? "" : ` called “${name}”`} was created for ${owner}. It begins with ${key_prefix}.`,
      management
        ? "It manages your projects without a login. Keep it on your servers, and never put it into a page."
        : "It identifies your apps. It cannot manage your projects.",
    ],
    notes: ["If this was not you, revoke the key and change your password."],
  };
}

/** The platform's mails to developers and operators, by their kind. They are in English, as the platform is. */
export const platformLetters = {
  project_offered: projectOffered,
  project_transferred: projectTransferred,
  key_created: keyCreated,
};
