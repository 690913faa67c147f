import type { Texts } from "../texts.ts";

export const en: Texts = {
  mails: {
    verification: {
      subject: "Confirm your address for {app}",
      preview: "One click, and your account is ready.",
      title: "Confirm your address",
      paragraphs: [
        "An account at {app} was created with this address. Please confirm that the address is yours.",
      ],
      action: "Confirm address",
      code: "Or type this code where you are asked for it",
      notes: [
        "The link and the code work once, within {duration}.",
        "If you did not create this account, do nothing: without this mail nobody can confirm it.",
      ],
    },
    password_reset: {
      subject: "Set a new password for {app}",
      preview: "The link works once, within {duration}.",
      title: "Set a new password",
      paragraphs: ["Somebody, most likely you, asked for a new password for your account at {app}."],
      action: "Set a new password",
      code: "Or paste this code where you are asked for it",
      notes: [
        "The link and the code work once, within {duration}. A new password signs you out everywhere.",
        "If you did not ask for this, do nothing: your password stays as it is.",
      ],
    },
    password_changed: {
      subject: "Your password for {app} was changed",
      preview: "All other sessions were ended.",
      title: "Your password was changed",
      paragraphs: [
        "The password of your account at {app} was changed just now. All other sessions were ended.",
      ],
      notes: [
        "If this was not you, somebody else knows your password or reads your mail: set a new password at once, and ask the operator of the app for help.",
      ],
    },
    email_change: {
      subject: "Confirm your new address for {app}",
      preview: "After that, you sign in with this address.",
      title: "Confirm your new address",
      paragraphs: [
        "Somebody, most likely you, wants to use this address for an account at {app}.",
        "After you confirm it, you sign in with this address.",
      ],
      action: "Confirm address",
      code: "Or paste this code where you are asked for it",
      notes: [
        "The link and the code work once, within {duration}.",
        "If you did not ask for this, do nothing: the account keeps its old address.",
      ],
    },
    email_change_asked: {
      subject: "A change of address was requested for your account at {app}",
      preview: "It takes effect when the new address is confirmed.",
      title: "Your address is about to change",
      paragraphs: [
        "Somebody who knows your password asked to use another address for your account at {app}. We have sent a link to that address. Nothing changes until the link is used.",
      ],
      notes: ["If this was not you, set a new password now: that also stops the change."],
    },
    email_changed: {
      subject: "Your account at {app} has a new address",
      preview: "You sign in with the new address from now on.",
      title: "Your address was changed",
      paragraphs: [
        "Your account at {app} now uses another address. You can no longer sign in with this one.",
      ],
      notes: ["If this was not you, ask the operator of the app for help at once."],
    },
  },
  page: {
    verify_title: "Confirm your address",
    verify_hint: "Press the button to confirm that the address is yours.",
    verify_button: "Confirm address",
    verify_done: "{email} is confirmed. You can close this page.",
    verify_used: "This address is confirmed. You can close this page.",
    verify_ask: "Send me a new mail",
    reset_title: "Set a new password",
    reset_hint:
      "At least 8 characters, with a lower-case letter, an upper-case letter and a digit. You will be signed out everywhere.",
    reset_password: "New password",
    reset_again: "Repeat the password",
    reset_button: "Set password",
    reset_differ: "The two passwords differ.",
    reset_weak:
      "The password is too weak. Use at least 8 characters with a lower-case letter, an upper-case letter and a digit.",
    reset_done: "Your new password is set. You can close this page and log in.",
    reset_used: "This link was already used. Log in with your new password, or request another mail.",
    reset_ask: "Send me a mail",
    email: "Your email address",
    sent: "If there is such an account, a mail is on its way.",
    too_old: "This link has expired or is incomplete. Request another mail.",
    too_many: "Too many attempts. Try again later.",
    unreachable: "The service cannot be reached. Try again in a moment.",
    failed: "That did not work. Try again later.",
    wait: "One moment …",
    back: "Back to {app}",
  },
};
