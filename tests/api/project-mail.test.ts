import { expect, test } from "vitest";
import {
  api,
  type Developer,
  errorOf,
  freshEmail,
  type Headed,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { mailsTo, mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase, operatorHeaders } from "../support/management.ts";

const sql = openDatabase();
const builtIn = { sender_name: null, logo_url: null, accent_color: null, language: "en", footer: null };
const cards = {
  sender_name: "Grußkarten",
  logo_url: "https://cards.example.com/logo.png",
  accent_color: "#facc15",
  language: "de",
  footer: "Grußkarten GmbH, Berlin\nhttps://cards.example.com/impressum",
};

const change = ({ headers, project }: Developer, json: object) =>
  api(`/projects/${project.id}`, { method: "PATCH", headers, json });
const preview = ({ headers, project }: Developer, json: object) =>
  api(`/projects/${project.id}/mail/preview`, { headers, json });
const sendTest = ({ headers, project }: Developer, json: object) =>
  api(`/projects/${project.id}/mail/test`, { headers, json });

async function registerVerified(): Promise<Developer> {
  const developer = await registerDeveloper();
  const token = tokenOf(await mailTo(developer.email, "Confirm your address"));
  await api("/auth/verify-email", { json: { token } });
  return developer;
}

test("a project starts with the built-in mail settings, a change keeps the fields it omits, and null resets one", async () => {
  const developer = await registerDeveloper();
  expect((await change(developer, {})).body.mail).toEqual(builtIn);
  const { status, body } = await change(developer, { mail: cards });
  expect([status, body.mail]).toEqual([200, cards]);
  const less = await change(developer, { mail: { accent_color: "#1D4ED8", language: null, footer: "" } });
  expect(less.body.mail).toEqual({ ...cards, accent_color: "#1d4ed8", language: "en", footer: null });
  expect((await change(developer, { name: "Cards" })).body.mail).toEqual(less.body.mail);
  const read = await api(`/projects/${developer.project.id}`, { headers: developer.headers });
  expect(read.body.mail).toEqual(less.body.mail);
});

test("a project can be created with mail settings, and the rest stays built in", async () => {
  const { headers } = await registerDeveloper();
  const made = await api("/projects", { headers, json: { name: "Cartes", mail: { language: "fr" } } });
  expect([made.status, made.body.mail]).toEqual([201, { ...builtIn, language: "fr" }]);
});

test("the audit log records who changed the mail settings", async () => {
  const developer = await registerDeveloper();
  await change(developer, { mail: { language: "ja" } });
  const trail = await api(`/projects/${developer.project.id}/audit?resource=project&action=update`, {
    headers: developer.headers,
  });
  expect(trail.body.events[0]).toMatchObject({
    actor_id: developer.id,
    changes: { mail: { old: { language: "en" }, new: { language: "ja" } } },
  });
});

test.each([
  ["sender_name", "Bank\r\nBcc: all@example.com", "The name of the sender contains a line break"],
  ["sender_name", "Cloud АPI", "The name of the sender looks like the name of the platform."],
  [
    "logo_url",
    "http://cards.example.com/logo.png",
    "The address of the logo must be an address that begins with https",
  ],
  ["accent_color", "red;}</style>", "The color of buttons must be a color such as #2563eb."],
  ["language", "nl", "The language must be one of these: en, de, fr, es, pt, ja."],
  [
    "footer",
    "See http://cards.example.com",
    "The footer may only contain addresses that begin with https://.",
  ],
])(
  "the mail setting %s refuses %j with a sentence, in the project, the preview and the test mail",
  async (field, value, sentence) => {
    const developer = await registerDeveloper();
    const mail = { [field]: value };
    for (const answer of [
      await change(developer, { mail }),
      await preview(developer, { kind: "verification", mail }),
      await sendTest(developer, { kind: "verification", mail }),
    ]) {
      expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
      expect(answer.body.errors[0]).toMatchObject({ loc: ["body", "mail", field] });
      expect(answer.body.detail).toContain(sentence);
    }
  },
);

test("an unknown mail setting is refused, and the answer suggests the known one", async () => {
  const answer = await change(await registerDeveloper(), { mail: { accent_colour: "#ffffff" } });
  expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  expect(answer.body.detail).toContain('Did you mean "accent_color"?');
});

test("end users get mails in the project's design and language, and its developer those of the platform", async () => {
  const developer = await registerDeveloper();
  await change(developer, { name: "cards-production", site_url: "https://cards.example.com", mail: cards });
  const { email, headers } = await registerEndUser(developer.project);
  const mail = await mailTo(email, "Bestätigen Sie Ihre E-Mail-Adresse für Grußkarten");
  expect(mail.from).toEqual([{ name: "Grußkarten", address: expect.stringMatching(/^[^@]+@/) }]);
  expect(mail.html).toContain('<html lang="de" dir="ltr">');
  expect(mail.html).toContain('src="https://cards.example.com/logo.png"');
  expect(mail.html).toContain("background:#facc15;color:#000000");
  expect(mail.html).toContain('<a href="https://cards.example.com/impressum"');
  expect(mail.text).toContain("24 Stunden lang gültig");
  expect(mail.text.trimEnd().endsWith(`Grußkarten\nhttps://cards.example.com\n\n${cards.footer}`)).toBe(true);
  expect(mail.text + mail.html).not.toContain("cards-production");

  await api("/auth/request-password-reset", { headers: developer.project.headers, json: { email } });
  expect((await mailTo(email, "Neues Passwort für Grußkarten")).text).toContain("1 Stunde lang");
  const new_email = freshEmail("moved");
  await api("/auth/change-email", { headers, json: { password, new_email } });
  await mailTo(email, "Für Ihr Konto bei Grußkarten wurde eine Adressänderung angefordert");
  await mailTo(new_email, "Bestätigen Sie Ihre neue E-Mail-Adresse für Grußkarten");
  await api("/auth/change-password", {
    headers,
    json: { current_password: password, new_password: "Another-horse-8" },
  });
  await mailTo(email, "Ihr Passwort für Grußkarten wurde geändert");

  const own = await mailTo(developer.email, "Confirm your address for Cloud API");
  expect(own.from[0]?.name).toBe("Cloud API");
  expect(own.from[0]?.address).toBe(mail.from[0]?.address);
  expect(own.html).not.toContain("<img");
});

test("check-mail-token returns the name, language and colors of the project", async () => {
  const developer = await registerDeveloper();
  await change(developer, { mail: cards });
  const { email } = await registerEndUser(developer.project);
  const token = tokenOf(await mailTo(email, "Bestätigen Sie"));
  const found = await api("/auth/check-mail-token", { json: { token } });
  expect(found.body.project).toEqual({
    id: developer.project.id,
    name: "Grußkarten",
    site_url: null,
    language: "de",
    accent_color: "#facc15",
    accent_text_color: "#000000",
  });
});

test("a project whose name looks like the platform's sends mails under another name", async () => {
  const developer = await registerDeveloper();
  await change(developer, { name: "Cloud API support" });
  const { email } = await registerEndUser(developer.project);
  const name = `App ${developer.project.id.slice(0, 8)}`;
  const mail = await mailTo(email, `Confirm your address for ${name}`);
  expect(mail.from[0]?.name).toBe(name);
  const found = await api("/auth/check-mail-token", { json: { token: tokenOf(mail) } });
  expect(found.body.project).toMatchObject({
    name,
    language: "en",
    accent_color: null,
    accent_text_color: null,
  });
});

test("a preview renders a mail with unsaved settings, saves nothing and sends nothing", async () => {
  const developer = await registerDeveloper();
  await change(developer, { mail: { sender_name: "Cards", footer: "Cards Ltd" } });
  const { status, body } = await preview(developer, {
    kind: "password_reset",
    mail: { language: "es", footer: null },
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ from_name: "Cards", subject: "Elija una nueva contraseña para Cards" });
  expect(body.from_address).toContain("@");
  expect(body.text).toContain(`/auth/reset-password#token=${"0".repeat(64)}`);
  expect(body.html).toContain('<html lang="es" dir="ltr">');
  expect(body.html + body.text).not.toContain("Cards Ltd");
  const read = await api(`/projects/${developer.project.id}`, { headers: developer.headers });
  expect(read.body.mail).toEqual({ ...builtIn, sender_name: "Cards", footer: "Cards Ltd" });
  expect((await mailsTo(developer.email)).map(({ subject }) => subject)).not.toContain(body.subject);
  expect((await preview(developer, { kind: "key_created" })).status).toBe(422);
  expect((await preview(developer, {})).status).toBe(422);
});

test("a test mail goes to the caller's own verified address, once a minute", async () => {
  const unverified = await registerDeveloper();
  expect(errorOf(await sendTest(unverified, { kind: "verification" }))).toMatchObject({
    status: 400,
    code: "account_not_verified",
  });

  const developer = await registerVerified();
  await change(developer, { mail: { sender_name: "Cartes" } });
  const sent = await sendTest(developer, { kind: "password_changed", mail: { language: "fr" } });
  expect([sent.status, sent.body]).toEqual([202, { email: developer.email }]);
  const mail = await mailTo(developer.email, "Votre mot de passe pour Cartes a été modifié");
  expect(mail.from[0]?.name).toBe("Cartes");
  expect(errorOf(await sendTest(developer, { kind: "verification" }))).toMatchObject({
    status: 429,
    code: "mail_limit_exceeded",
  });
  // A test mail contains no valid token.
  const [made] = await sql`select count(*)::int as tokens from private.mail_tokens
    where user_id = ${developer.id} and used_at is null`;
  expect(made?.tokens).toBe(0);
});

test("another developer can neither preview nor send a project's mail, and an operator can preview it", async () => {
  const [mine, theirs] = [await registerVerified(), await registerDeveloper()];
  const asking = { ...mine, project: theirs.project };
  expect(errorOf(await preview(asking, { kind: "verification" })).code).toBe("project_not_found");
  expect(errorOf(await sendTest(asking, { kind: "verification" })).code).toBe("project_not_found");
  const user = await registerEndUser(theirs.project);
  for (const ask of [preview, sendTest]) {
    const as = (headers: Headed) => ask({ ...theirs, headers }, { kind: "verification" });
    expect(errorOf(await as({}))).toMatchObject({ status: 401, code: "not_authenticated" });
    expect(errorOf(await as(user.headers))).toMatchObject({ status: 403, code: "developers_only" });
  }
  expect((await preview({ ...theirs, headers: operatorHeaders }, { kind: "verification" })).status).toBe(200);
});
