import { expect, test } from "vitest";
import { languageCodes } from "../../supabase/functions/api/mail/languages.ts";
import { links } from "../../supabase/functions/api/mail/write-mail.ts";
import { admin, rolledBack } from "../support/sql.ts";

const builtIn = { sender_name: null, logo_url: null, accent_color: null, language: "en", footer: null };
const allowed = async (mail: unknown) => {
  const [row] = await admin`select private.are_mail_settings(${admin.json(mail as never)}) as allowed`;
  return row?.allowed;
};

test("the database accepts the built-in mail settings, every supported language and the longest values", async () => {
  const [row] = await admin`select private.mail_settings(null) as mail`;
  expect(row?.mail).toEqual(builtIn);
  for (const language of languageCodes) expect(await allowed({ ...builtIn, language })).toBe(true);
  const full = {
    sender_name: "ß".repeat(100),
    logo_url: `https://a.example/${"x".repeat(2030)}`,
    accent_color: "#00ff7f",
    language: "pt",
    footer: "ß\n".repeat(250),
  };
  expect(await allowed(full)).toBe(true);
});

test.each([
  ["an array as mail settings", []],
  ["mail settings with a missing field", { ...builtIn, footer: undefined }],
  ["mail settings with an unknown field", { ...builtIn, colour: null }],
  ["a number as text", { ...builtIn, footer: 7 }],
  ["an object as text", { ...builtIn, sender_name: { a: 1 } }],
  ["a sender name that is too long", { ...builtIn, sender_name: "x".repeat(101) }],
  ["an empty sender name", { ...builtIn, sender_name: "" }],
  ["a sender name of two lines", { ...builtIn, sender_name: "Bank\nBcc: all@example.com" }],
  ["a carriage return in the footer", { ...builtIn, footer: "one\rtwo" }],
  ["a logo by http", { ...builtIn, logo_url: "http://a.example/logo.png" }],
  ["a logo with a space", { ...builtIn, logo_url: "https://a.example/logo .png" }],
  ["a logo that is too long", { ...builtIn, logo_url: `https://a.example/${"x".repeat(2031)}` }],
  ["a color by name", { ...builtIn, accent_color: "red" }],
  ["a color in capitals", { ...builtIn, accent_color: "#FFFFFF" }],
  ["a color with more after it", { ...builtIn, accent_color: "#ffffff\n;" }],
  ["a language without texts", { ...builtIn, language: "nl" }],
  ["no language", { ...builtIn, language: null }],
  ["a footer that is too long", { ...builtIn, footer: "x".repeat(501) }],
])("the database refuses %s", async (_, mail) => {
  expect(await allowed(mail)).toBe(false);
});

test.each(Object.entries(links))(
  "the token of a %s mail is valid for as long as the mail says",
  async (kind, { hours }) => {
    const seconds = await rolledBack(async (sql) => {
      const [account] =
        await sql`select id from public.users where project_id is null and deactivated_at is null limit 1`;
      const to = "moved@example.com";
      await sql`insert into private.email_changes (user_id, email, expires_at) values (${account?.id}, ${to}, 'infinity')
      on conflict (user_id) do update set email = excluded.email, expires_at = excluded.expires_at`;
      const [mail] = await sql`insert into private.mail_outbox (user_id, kind, details, next_attempt_at)
      values (${account?.id}, ${kind}, ${sql.json({ to })}, 'infinity') returning id`;
      const digest = "a".repeat(64);
      await sql`select private.add_mail_token(${mail?.id}, ${digest}, ${"b".repeat(64)})`;
      const [token] = await sql`select extract(epoch from expires_at - created_at)::int as seconds
      from private.mail_tokens where digest = decode(${digest}, 'hex')`;
      return token?.seconds;
    });
    expect(seconds).toBe(hours * 3600);
  },
);
