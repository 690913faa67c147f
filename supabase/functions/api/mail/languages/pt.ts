import type { Texts } from "../texts.ts";

export const pt: Texts = {
  mails: {
    verification: {
      subject: "Confirme seu endereço de e-mail para {app}",
      preview: "Um clique e sua conta estará pronta.",
      title: "Confirme seu endereço de e-mail",
      paragraphs: ["Uma conta em {app} foi criada com este endereço. Confirme, por favor, que ele é seu."],
      action: "Confirmar endereço",
      code: "Ou digite este código quando ele for solicitado",
      notes: [
        "O link e o código são válidos por {duration} e só podem ser usados uma vez.",
        "Se você não criou esta conta, não precisa fazer nada: sem este e-mail, ninguém pode confirmá-la.",
      ],
    },
    password_reset: {
      subject: "Defina uma nova senha para {app}",
      preview: "O link é válido por {duration} e só pode ser usado uma vez.",
      title: "Defina uma nova senha",
      paragraphs: ["Alguém, provavelmente você, solicitou uma nova senha para sua conta em {app}."],
      action: "Definir nova senha",
      code: "Ou cole este código quando ele for solicitado",
      notes: [
        "O link e o código são válidos por {duration} e só podem ser usados uma vez. A nova senha encerra todas as sessões.",
        "Se você não solicitou isso, não precisa fazer nada: sua senha continua a mesma.",
      ],
    },
    password_changed: {
      subject: "Sua senha de {app} foi alterada",
      preview: "Todas as outras sessões foram encerradas.",
      title: "Sua senha foi alterada",
      paragraphs: [
        "A senha da sua conta em {app} acabou de ser alterada. Todas as outras sessões foram encerradas.",
      ],
      notes: [
        "Se não foi você, alguém conhece sua senha ou lê seus e-mails: defina uma nova senha imediatamente e peça ajuda à equipe do aplicativo.",
      ],
    },
    email_change: {
      subject: "Confirme seu novo endereço de e-mail para {app}",
      preview: "Depois disso, você entra com este endereço.",
      title: "Confirme seu novo endereço de e-mail",
      paragraphs: [
        "Alguém, provavelmente você, quer usar este endereço para uma conta em {app}.",
        "Assim que você o confirmar, passará a entrar com este endereço.",
      ],
      action: "Confirmar endereço",
      code: "Ou cole este código quando ele for solicitado",
      notes: [
        "O link e o código são válidos por {duration} e só podem ser usados uma vez.",
        "Se você não solicitou isso, não precisa fazer nada: a conta mantém o endereço anterior.",
      ],
    },
    email_change_asked: {
      subject: "Uma mudança de endereço foi solicitada para sua conta em {app}",
      preview: "A mudança terá efeito quando o novo endereço for confirmado.",
      title: "Seu endereço de e-mail está prestes a mudar",
      paragraphs: [
        "Alguém que conhece sua senha solicitou o uso de outro endereço na sua conta em {app}. Enviamos um link para esse endereço. Nada muda enquanto o link não for usado.",
      ],
      notes: ["Se não foi você, defina uma nova senha agora: isso também cancela a mudança."],
    },
    email_changed: {
      subject: "Sua conta em {app} tem um novo endereço",
      preview: "A partir de agora, você entra com o novo endereço.",
      title: "Seu endereço de e-mail foi alterado",
      paragraphs: ["Sua conta em {app} agora usa outro endereço. Com este não é mais possível entrar."],
      notes: ["Se não foi você, peça ajuda imediatamente à equipe do aplicativo."],
    },
  },
  page: {
    verify_title: "Confirme seu endereço de e-mail",
    verify_hint: "Clique no botão para confirmar que o endereço é seu.",
    verify_button: "Confirmar endereço",
    verify_done: "{email} está confirmado. Você pode fechar esta página.",
    verify_used: "Este endereço está confirmado. Você pode fechar esta página.",
    verify_ask: "Enviar um novo e-mail",
    reset_title: "Defina uma nova senha",
    reset_hint:
      "Pelo menos 8 caracteres, com uma letra minúscula, uma maiúscula e um número. Todas as sessões serão encerradas.",
    reset_password: "Nova senha",
    reset_again: "Repita a senha",
    reset_button: "Salvar senha",
    reset_differ: "As duas senhas são diferentes.",
    reset_weak:
      "A senha é muito fraca. Use pelo menos 8 caracteres, com uma letra minúscula, uma maiúscula e um número.",
    reset_done: "Sua nova senha foi salva. Você pode fechar esta página e entrar.",
    reset_used: "Este link já foi usado. Entre com sua nova senha ou solicite outro e-mail.",
    reset_ask: "Enviar um e-mail",
    email: "Seu endereço de e-mail",
    sent: "Se essa conta existir, um e-mail está a caminho.",
    too_old: "Este link expirou ou está incompleto. Solicite outro e-mail.",
    too_many: "Muitas tentativas. Tente novamente mais tarde.",
    unreachable: "O serviço não pode ser acessado. Tente novamente em instantes.",
    failed: "Algo deu errado. Tente novamente mais tarde.",
    wait: "Um momento…",
    back: "Voltar para {app}",
  },
};
