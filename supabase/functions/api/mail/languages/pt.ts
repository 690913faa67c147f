import type { Texts } from "../texts.ts";

export const pt: Texts = {
  mails: {
    verification: {
      subject: "Confirme seu endereço de e-mail para {app}",
      preview: "Um clique e sua conta estará pronta.",
      title: "Confirme seu endereço de e-mail",
      paragraphs: ["Uma conta em {app} foi criada com este endereço. Confirme, por favor, que ele é seu."],
      action: "Confirmar endereço",
      code: "Ou digite este código onde ele for pedido",
      notes: [
        "O link e o código funcionam uma única vez, por {duration}.",
        "Se você não criou esta conta, não precisa fazer nada: sem este e-mail, ninguém pode confirmá-la.",
      ],
    },
    password_reset: {
      subject: "Defina uma nova senha para {app}",
      preview: "O link funciona uma única vez, por {duration}.",
      title: "Defina uma nova senha",
      paragraphs: ["Alguém, provavelmente você, pediu uma nova senha para sua conta em {app}."],
      action: "Definir nova senha",
      code: "Ou cole este código onde ele for pedido",
      notes: [
        "O link e o código funcionam uma única vez, por {duration}. A nova senha encerra todas as sessões.",
        "Se você não pediu isso, não precisa fazer nada: sua senha continua a mesma.",
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
      code: "Ou cole este código onde ele for pedido",
      notes: [
        "O link e o código funcionam uma única vez, por {duration}.",
        "Se você não pediu isso, não precisa fazer nada: a conta mantém o endereço anterior.",
      ],
    },
    email_change_asked: {
      subject: "Um novo endereço foi pedido para sua conta em {app}",
      preview: "A mudança vale quando o novo endereço for confirmado.",
      title: "Seu endereço de e-mail está para mudar",
      paragraphs: [
        "Alguém que conhece sua senha pediu para usar outro endereço na sua conta em {app}. Enviamos um link para esse endereço. Nada muda enquanto ele não for aberto.",
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
    reset_used: "Este link já foi usado. Entre com sua nova senha ou peça outro e-mail.",
    reset_ask: "Enviar um e-mail",
    email: "Seu endereço de e-mail",
    sent: "Se essa conta existir, um e-mail está a caminho.",
    too_old: "Este link expirou ou está incompleto. Peça outro e-mail.",
    too_many: "Tentativas demais. Tente novamente mais tarde.",
    unreachable: "O serviço não pode ser acessado. Tente novamente em instantes.",
    failed: "Não deu certo. Tente novamente mais tarde.",
    wait: "Um momento…",
    back: "Voltar para {app}",
  },
};
