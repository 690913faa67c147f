import type { Texts } from "../texts.ts";

export const es: Texts = {
  mails: {
    verification: {
      subject: "Confirme su dirección de correo para {app}",
      preview: "Un clic y su cuenta estará lista.",
      title: "Confirme su dirección de correo",
      paragraphs: ["Se ha creado una cuenta en {app} con esta dirección. Confirme, por favor, que es suya."],
      action: "Confirmar dirección",
      code: "O escriba este código donde se le pida",
      notes: [
        "El enlace y el código sirven una sola vez, durante {duration}.",
        "Si usted no ha creado esta cuenta, no tiene que hacer nada: sin este correo nadie puede confirmarla.",
      ],
    },
    password_reset: {
      subject: "Elija una nueva contraseña para {app}",
      preview: "El enlace sirve una sola vez, durante {duration}.",
      title: "Elija una nueva contraseña",
      paragraphs: [
        "Alguien, probablemente usted, ha solicitado una nueva contraseña para su cuenta en {app}.",
      ],
      action: "Elegir nueva contraseña",
      code: "O pegue este código donde se le pida",
      notes: [
        "El enlace y el código sirven una sola vez, durante {duration}. La nueva contraseña cierra todas las sesiones.",
        "Si usted no lo ha solicitado, no tiene que hacer nada: su contraseña sigue siendo la misma.",
      ],
    },
    password_changed: {
      subject: "Se ha cambiado su contraseña de {app}",
      preview: "Se han cerrado todas las demás sesiones.",
      title: "Se ha cambiado su contraseña",
      paragraphs: [
        "Se acaba de cambiar la contraseña de su cuenta en {app}. Se han cerrado todas las demás sesiones.",
      ],
      notes: [
        "Si no ha sido usted, alguien conoce su contraseña o lee su correo: elija enseguida una nueva contraseña y pida ayuda al equipo de la aplicación.",
      ],
    },
    email_change: {
      subject: "Confirme su nueva dirección de correo para {app}",
      preview: "A partir de entonces iniciará sesión con esta dirección.",
      title: "Confirme su nueva dirección de correo",
      paragraphs: [
        "Alguien, probablemente usted, quiere usar esta dirección para una cuenta en {app}.",
        "En cuanto la confirme, iniciará sesión con esta dirección.",
      ],
      action: "Confirmar dirección",
      code: "O pegue este código donde se le pida",
      notes: [
        "El enlace y el código sirven una sola vez, durante {duration}.",
        "Si usted no lo ha solicitado, no tiene que hacer nada: la cuenta conserva su dirección anterior.",
      ],
    },
    email_change_asked: {
      subject: "Se ha solicitado un cambio de dirección para su cuenta en {app}",
      preview: "El cambio será efectivo cuando se confirme la nueva dirección.",
      title: "Su dirección de correo está a punto de cambiar",
      paragraphs: [
        "Alguien que conoce su contraseña ha solicitado usar otra dirección para su cuenta en {app}. Hemos enviado un enlace a esa dirección. Nada cambia mientras no se use el enlace.",
      ],
      notes: ["Si no ha sido usted, elija ahora una nueva contraseña: así también se detiene el cambio."],
    },
    email_changed: {
      subject: "Su cuenta en {app} tiene una nueva dirección",
      preview: "A partir de ahora inicia sesión con la nueva dirección.",
      title: "Se ha cambiado su dirección de correo",
      paragraphs: ["Su cuenta en {app} usa ahora otra dirección. Con esta ya no se puede iniciar sesión."],
      notes: ["Si no ha sido usted, pida ayuda enseguida al equipo de la aplicación."],
    },
  },
  page: {
    verify_title: "Confirme su dirección de correo",
    verify_hint: "Pulse el botón para confirmar que la dirección es suya.",
    verify_button: "Confirmar dirección",
    verify_done: "{email} está confirmada. Puede cerrar esta página.",
    verify_used: "Esta dirección está confirmada. Puede cerrar esta página.",
    verify_ask: "Enviarme otro correo",
    reset_title: "Elija una nueva contraseña",
    reset_hint:
      "Al menos 8 caracteres, con una minúscula, una mayúscula y una cifra. Se cerrarán todas las sesiones.",
    reset_password: "Nueva contraseña",
    reset_again: "Repita la contraseña",
    reset_button: "Guardar contraseña",
    reset_differ: "Las dos contraseñas no coinciden.",
    reset_weak:
      "La contraseña es demasiado débil. Use al menos 8 caracteres, con una minúscula, una mayúscula y una cifra.",
    reset_done: "Su nueva contraseña está guardada. Puede cerrar esta página e iniciar sesión.",
    reset_used: "Este enlace ya se ha usado. Inicie sesión con su nueva contraseña o pida otro correo.",
    reset_ask: "Enviarme un correo",
    email: "Su dirección de correo",
    sent: "Si existe esa cuenta, le llegará un correo en breve.",
    too_old: "Este enlace ha caducado o está incompleto. Pida otro correo.",
    too_many: "Demasiados intentos. Vuelva a intentarlo más tarde.",
    unreachable: "No se puede acceder al servicio. Vuelva a intentarlo en un momento.",
    failed: "No ha funcionado. Vuelva a intentarlo más tarde.",
    wait: "Un momento…",
    back: "Volver a {app}",
  },
};
