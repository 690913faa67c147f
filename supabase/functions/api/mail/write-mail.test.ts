import { expect, test } from "vitest";
import { languageCodes } from "./languages.ts";
import type { MailProject, MailSettings } from "./store.ts";
import { type AppMailKind, appMailKinds } from "./texts.ts";
import { sampleMail } from "./write-mail.ts";

const env = { public_url: "https://api.example.com", pages_url: undefined };
const plain: MailSettings = {
  sender_name: null,
  logo_url: null,
  accent_color: null,
  language: "en",
  footer: null,
};
const project = (mail: Partial<MailSettings>, more: Partial<MailProject> = {}): MailProject => ({
  id: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
  name: "Postcards",
  site_url: null,
  verify_url: null,
  reset_url: null,
  ...more,
  mail: { ...plain, ...mail },
});
const write = (kind: AppMailKind, mail: Partial<MailSettings>, more?: Partial<MailProject>) =>
  sampleMail(kind, project(mail, more), env);

/** The visible text of the HTML, with the button's address. */
const readable = (html: string) =>
  html
    .replace(/^.*<\/head>/s, "")
    .replace(/<div style="display:none.*?<\/div>/s, "")
    .replace(/<a class="button" href="([^"]*)"[^>]*>(.*?)<\/a>/g, "$2: $1")
    .replace(/<\/?a\b[^>]*>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
const words = (text: string) =>
  text
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "--")
    .map((word) => word.replace(/:$/, ""));

const cases = languageCodes.flatMap((language) => appMailKinds.map((kind) => ({ language, kind })));
const branded: Partial<MailSettings> = {
  sender_name: "Grüße <b>&",
  logo_url: "https://a.example/logo.png?a=1&b=2",
  accent_color: "#facc15",
  footer: "Postcards Ltd, 1 Pier Road\nhttps://a.example/imprint.",
};

test.each(cases)(
  "the mail $kind in $language has the same words in its text and its HTML",
  ({ language, kind }) => {
    const { html, text, subject } = write(
      kind,
      { ...branded, language },
      { site_url: "https://a.example/app" },
    );
    expect(words(readable(html))).toEqual(words(text));
    expect(html).toContain(`<html lang="${language}" dir="ltr">`);
    for (const said of [html, text, subject]) expect(said).not.toMatch(/\{\w+\}|undefined|null/);
    expect(subject).toContain("Grüße <b>&");
  },
);

test.each(cases)(
  "the mail $kind in $language loads nothing but the logo, and links only to https",
  ({ language, kind }) => {
    const outside = (html: string) =>
      [...html.matchAll(/(?:src|url)\s*[=(]\s*"?([^")\s]*)/g)].map(([, url]) => url);
    expect(outside(write(kind, { language }).html)).toEqual([]);
    const { html } = write(kind, { ...branded, language });
    expect(outside(html)).toEqual(["https://a.example/logo.png?a=1&#38;b=2"]);
    for (const [, url = ""] of html.matchAll(/href="([^"]*)"/g)) expect(url).toMatch(/^https:\/\//);
  },
);

test("only verification, password reset and change of address have a button and a code", () => {
  const withLink = appMailKinds.filter((kind) => write(kind, {}).html.includes('class="button"'));
  expect(withLink).toEqual(["verification", "password_reset", "email_change"]);
  expect(appMailKinds.filter((kind) => write(kind, {}).html.includes('class="code"'))).toEqual(withLink);
});

test.each(["name", "sender_name", "footer"] as const)(
  "HTML in a project's %s is escaped in mails",
  (field) => {
    const evil = `"><img src=x onerror=alert(1)>'`;
    const { html } =
      field === "name" ? write("verification", {}, { name: evil }) : write("verification", { [field]: evil });
    expect(html).not.toContain("<img");
    expect(html).toContain("&#34;&#62;&#60;img src=x onerror=alert(1)&#62;&#39;");
  },
);

test("a URL in a mail's footer becomes a link without the punctuation after it", () => {
  const { html } = write("verification", { footer: "See https://a.example/x?y=1&z='2', or call.\nBye" });
  expect(html).toContain(
    `See <a href="https://a.example/x?y=1&#38;z=&#39;2&#39;" style="color:inherit">https://a.example/x?y=1&#38;z=&#39;2&#39;</a>, or call.<br>Bye`,
  );
});

test("a mail's button has the project's color, and a text color with enough contrast", () => {
  expect(write("verification", { accent_color: "#facc15" }).html).toContain(
    "background:#facc15;color:#000000",
  );
  expect(write("verification", { accent_color: "#1d4ed8" }).html).toContain(
    "background:#1d4ed8;color:#ffffff",
  );
  expect(write("verification", {}).html).toContain("background:#18181b;color:#ffffff");
});

test("the link of a sample mail leads to the project's page, with a token of zeros", () => {
  const { text } = write("password_reset", {}, { reset_url: "https://a.example/reset" });
  expect(text).toContain(`https://a.example/reset?token=${"0".repeat(64)}`);
  expect(write("verification", { language: "de" }).text).toContain("&lang=de");
});
