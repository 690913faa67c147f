import type { Texts } from "../texts.ts";

export const fr: Texts = {
  mails: {
    verification: {
      subject: "Confirmez votre adresse e-mail pour {app}",
      preview: "Un clic, et votre compte est prêt.",
      title: "Confirmez votre adresse e-mail",
      paragraphs: [
        "Un compte {app} a été créé avec cette adresse. Veuillez confirmer qu’elle vous appartient.",
      ],
      action: "Confirmer l’adresse",
      code: "Ou saisissez ce code lorsqu’il vous est demandé",
      notes: [
        "Le lien et le code sont valables une seule fois, pendant {duration}.",
        "Si vous n’avez pas créé ce compte, vous n’avez rien à faire\u00a0: sans cet e-mail, personne ne peut le confirmer.",
      ],
    },
    password_reset: {
      subject: "Choisissez un nouveau mot de passe pour {app}",
      preview: "Le lien est valable une seule fois, pendant {duration}.",
      title: "Choisissez un nouveau mot de passe",
      paragraphs: ["Quelqu’un, sans doute vous, a demandé un nouveau mot de passe pour votre compte {app}."],
      action: "Choisir un mot de passe",
      code: "Ou collez ce code lorsqu’il vous est demandé",
      notes: [
        "Le lien et le code sont valables une seule fois, pendant {duration}. Le nouveau mot de passe ferme toutes vos sessions.",
        "Si vous n’avez rien demandé, vous n’avez rien à faire\u00a0: votre mot de passe reste inchangé.",
      ],
    },
    password_changed: {
      subject: "Votre mot de passe pour {app} a été modifié",
      preview: "Toutes les autres sessions ont été fermées.",
      title: "Votre mot de passe a été modifié",
      paragraphs: [
        "Le mot de passe de votre compte {app} vient d’être modifié. Toutes les autres sessions ont été fermées.",
      ],
      notes: [
        "Si ce n’était pas vous, quelqu’un connaît votre mot de passe ou lit vos e-mails\u00a0: choisissez tout de suite un nouveau mot de passe et contactez l’équipe de l’application.",
      ],
    },
    email_change: {
      subject: "Confirmez votre nouvelle adresse e-mail pour {app}",
      preview: "Vous vous connecterez ensuite avec cette adresse.",
      title: "Confirmez votre nouvelle adresse e-mail",
      paragraphs: [
        "Quelqu’un, sans doute vous, souhaite utiliser cette adresse pour un compte {app}.",
        "Dès que vous l’aurez confirmée, vous vous connecterez avec cette adresse.",
      ],
      action: "Confirmer l’adresse",
      code: "Ou collez ce code lorsqu’il vous est demandé",
      notes: [
        "Le lien et le code sont valables une seule fois, pendant {duration}.",
        "Si vous n’avez rien demandé, vous n’avez rien à faire\u00a0: le compte conserve son ancienne adresse.",
      ],
    },
    email_change_asked: {
      subject: "Un changement d’adresse a été demandé pour votre compte {app}",
      preview: "Il prendra effet une fois la nouvelle adresse confirmée.",
      title: "Votre adresse e-mail va changer",
      paragraphs: [
        "Quelqu’un qui connaît votre mot de passe a demandé à utiliser une autre adresse pour votre compte {app}. Nous avons envoyé un lien à cette adresse. Rien ne change tant que ce lien n’est pas utilisé.",
      ],
      notes: [
        "Si ce n’était pas vous, choisissez dès maintenant un nouveau mot de passe\u00a0: cela annule aussi le changement.",
      ],
    },
    email_changed: {
      subject: "L’adresse de votre compte {app} a changé",
      preview: "Vous vous connectez désormais avec la nouvelle adresse.",
      title: "Votre adresse e-mail a été modifiée",
      paragraphs: [
        "Votre compte {app} utilise désormais une autre adresse. Celle-ci ne permet plus de se connecter.",
      ],
      notes: ["Si ce n’était pas vous, contactez immédiatement l’équipe de l’application."],
    },
  },
  page: {
    verify_title: "Confirmez votre adresse e-mail",
    verify_hint: "Appuyez sur le bouton pour confirmer que l’adresse vous appartient.",
    verify_button: "Confirmer l’adresse",
    verify_done: "{email} est confirmée. Vous pouvez fermer cette page.",
    verify_used: "Cette adresse est confirmée. Vous pouvez fermer cette page.",
    verify_ask: "Recevoir un nouvel e-mail",
    reset_title: "Choisissez un nouveau mot de passe",
    reset_hint:
      "Au moins 8 caractères, dont une minuscule, une majuscule et un chiffre. Toutes vos sessions seront fermées.",
    reset_password: "Nouveau mot de passe",
    reset_again: "Confirmez le mot de passe",
    reset_button: "Enregistrer le mot de passe",
    reset_differ: "Les deux mots de passe sont différents.",
    reset_weak:
      "Le mot de passe est trop faible. Utilisez au moins 8 caractères, dont une minuscule, une majuscule et un chiffre.",
    reset_done: "Votre nouveau mot de passe est enregistré. Vous pouvez fermer cette page et vous connecter.",
    reset_used:
      "Ce lien a déjà servi. Connectez-vous avec votre nouveau mot de passe, ou demandez un autre e-mail.",
    reset_ask: "Recevoir un e-mail",
    email: "Votre adresse e-mail",
    sent: "Si un tel compte existe, un e-mail est en route.",
    too_old: "Ce lien a expiré ou est incomplet. Demandez un autre e-mail.",
    too_many: "Trop de tentatives. Réessayez plus tard.",
    unreachable: "Le service est injoignable. Réessayez dans un instant.",
    failed: "Une erreur s’est produite. Réessayez plus tard.",
    wait: "Un instant…",
    back: "Retour à {app}",
  },
};
