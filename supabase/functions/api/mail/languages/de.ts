import type { Texts } from "../texts.ts";

export const de: Texts = {
  mails: {
    verification: {
      subject: "Bestätigen Sie Ihre E-Mail-Adresse für {app}",
      preview: "Ein Klick, und Ihr Konto ist bereit.",
      title: "Bitte bestätigen Sie Ihre Adresse",
      paragraphs: [
        "Bei {app} wurde mit dieser Adresse ein Konto angelegt. Bitte bestätigen Sie, dass die Adresse Ihnen gehört.",
      ],
      action: "Adresse bestätigen",
      code: "Oder geben Sie diesen Code ein, wenn Sie danach gefragt werden",
      notes: [
        "Der Link und der Code sind {duration} lang gültig und können nur einmal verwendet werden.",
        "Falls Sie dieses Konto nicht angelegt haben, müssen Sie nichts tun: Ohne diese E-Mail kann es niemand bestätigen.",
      ],
    },
    password_reset: {
      subject: "Neues Passwort für {app} festlegen",
      preview: "Der Link ist {duration} lang gültig und kann nur einmal verwendet werden.",
      title: "Neues Passwort festlegen",
      paragraphs: [
        "Jemand, vermutlich Sie selbst, hat für Ihr Konto bei {app} ein neues Passwort angefordert.",
      ],
      action: "Neues Passwort festlegen",
      code: "Oder fügen Sie diesen Code ein, wenn Sie danach gefragt werden",
      notes: [
        "Der Link und der Code sind {duration} lang gültig und können nur einmal verwendet werden. Mit dem neuen Passwort werden Sie überall abgemeldet.",
        "Falls Sie das nicht angefordert haben, müssen Sie nichts tun: Ihr Passwort bleibt, wie es ist.",
      ],
    },
    password_changed: {
      subject: "Ihr Passwort für {app} wurde geändert",
      preview: "Alle anderen Sitzungen wurden beendet.",
      title: "Ihr Passwort wurde geändert",
      paragraphs: [
        "Das Passwort Ihres Kontos bei {app} wurde soeben geändert. Alle anderen Sitzungen wurden beendet.",
      ],
      notes: [
        "Falls Sie das nicht waren, kennt jemand Ihr Passwort oder liest Ihre E-Mails mit: Legen Sie sofort ein neues Passwort fest und wenden Sie sich an den Betreiber der App.",
      ],
    },
    email_change: {
      subject: "Bestätigen Sie Ihre neue E-Mail-Adresse für {app}",
      preview: "Danach melden Sie sich mit dieser Adresse an.",
      title: "Bitte bestätigen Sie Ihre neue Adresse",
      paragraphs: [
        "Jemand, vermutlich Sie selbst, möchte diese Adresse für ein Konto bei {app} verwenden.",
        "Sobald Sie sie bestätigt haben, melden Sie sich mit dieser Adresse an.",
      ],
      action: "Adresse bestätigen",
      code: "Oder fügen Sie diesen Code ein, wenn Sie danach gefragt werden",
      notes: [
        "Der Link und der Code sind {duration} lang gültig und können nur einmal verwendet werden.",
        "Falls Sie das nicht angefordert haben, müssen Sie nichts tun: Das Konto behält seine bisherige Adresse.",
      ],
    },
    email_change_asked: {
      subject: "Für Ihr Konto bei {app} wurde eine Adressänderung angefordert",
      preview: "Die Änderung gilt, sobald die neue Adresse bestätigt ist.",
      title: "Ihre Adresse soll geändert werden",
      paragraphs: [
        "Jemand, der Ihr Passwort kennt, möchte für Ihr Konto bei {app} eine andere Adresse verwenden. Wir haben einen Link an diese Adresse geschickt. Solange dieser Link nicht verwendet wird, ändert sich nichts.",
      ],
      notes: [
        "Falls Sie das nicht waren, legen Sie jetzt ein neues Passwort fest: Damit wird auch die Änderung gestoppt.",
      ],
    },
    email_changed: {
      subject: "Ihr Konto bei {app} hat eine neue Adresse",
      preview: "Ab jetzt melden Sie sich mit der neuen Adresse an.",
      title: "Ihre Adresse wurde geändert",
      paragraphs: [
        "Ihr Konto bei {app} verwendet jetzt eine andere Adresse. Mit dieser hier können Sie sich nicht mehr anmelden.",
      ],
      notes: ["Falls Sie das nicht waren, wenden Sie sich sofort an den Betreiber der App."],
    },
  },
  page: {
    verify_title: "Adresse bestätigen",
    verify_hint: "Klicken Sie auf die Schaltfläche, um zu bestätigen, dass die Adresse Ihnen gehört.",
    verify_button: "Adresse bestätigen",
    verify_done: "{email} ist bestätigt. Sie können diese Seite schließen.",
    verify_used: "Diese Adresse ist bestätigt. Sie können diese Seite schließen.",
    verify_ask: "Neue E-Mail anfordern",
    reset_title: "Neues Passwort festlegen",
    reset_hint:
      "Mindestens 8 Zeichen, mit einem Kleinbuchstaben, einem Großbuchstaben und einer Ziffer. Sie werden überall abgemeldet.",
    reset_password: "Neues Passwort",
    reset_again: "Passwort wiederholen",
    reset_button: "Passwort festlegen",
    reset_differ: "Die beiden Passwörter stimmen nicht überein.",
    reset_weak:
      "Das Passwort ist zu schwach. Verwenden Sie mindestens 8 Zeichen mit einem Kleinbuchstaben, einem Großbuchstaben und einer Ziffer.",
    reset_done: "Ihr neues Passwort ist festgelegt. Sie können diese Seite schließen und sich anmelden.",
    reset_used:
      "Dieser Link wurde schon verwendet. Melden Sie sich mit Ihrem neuen Passwort an, oder fordern Sie eine neue E-Mail an.",
    reset_ask: "E-Mail anfordern",
    email: "Ihre E-Mail-Adresse",
    sent: "Falls es ein solches Konto gibt, ist eine E-Mail unterwegs.",
    too_old: "Dieser Link ist abgelaufen oder unvollständig. Fordern Sie eine neue E-Mail an.",
    too_many: "Zu viele Versuche. Versuchen Sie es später noch einmal.",
    unreachable: "Der Dienst ist nicht erreichbar. Versuchen Sie es gleich noch einmal.",
    failed: "Das hat nicht geklappt. Versuchen Sie es später noch einmal.",
    wait: "Einen Moment …",
    back: "Zurück zu {app}",
  },
};
