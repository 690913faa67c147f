import { escapeHtml } from "../escape-html.ts";
import { edgeOn, textOn } from "./contrast.ts";
import type { MailSettings } from "./store.ts";

/** The design of an app's mail. */
export type Look = Omit<MailSettings, "sender_name"> & { name: string; site_url: string | null };

/** The content of a mail, before it becomes text or HTML. Every string is plain text. */
export type Letter = {
  subject: string;
  /** The text that an inbox shows beside the subject. */
  preview: string;
  title: string;
  paragraphs: string[];
  action?: { label: string; url: string };
  code?: { label: string; value: string };
  /** Smaller text at the end. */
  notes: string[];
};

export function toText({ title, paragraphs, action, code, notes }: Letter, look: Look): string {
  const parts = [
    title,
    ...paragraphs,
    ...(action === undefined ? [] : [`${action.label}:\n${action.url}`]),
    ...(code === undefined ? [] : [`${code.label}:\n${code.value}`]),
    ...notes,
    ["-- ", look.name, ...(look.site_url === null ? [] : [look.site_url])].join("\n"),
    ...(look.footer === null ? [] : [look.footer]),
  ];
  return `${parts.join("\n\n")}\n`;
}

const font =
  "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,'Hiragino Sans','Noto Sans JP',Meiryo,sans-serif";
const ink = "#18181b";
const paper = "#ffffff";
const night = "#27272a";

/** Uses tables and inline styles, which all mail clients support. It loads nothing but the app's logo. */
export function toHtml(letter: Letter, look: Look): string {
  const { subject, preview, title, paragraphs, action, code, notes } = letter;
  const dark = look.accent_color === null ? "#fafafa" : look.accent_color;
  return `<!doctype html>
<html lang="${look.language}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<style>
@media (prefers-color-scheme: dark) {
  .page { background: #18181b !important }
  .card { background: ${night} !important }
  .card, .card h1, .card p { color: #fafafa !important }
  .card .note, .sender { color: #a1a1aa !important }
  .card .code { background: #3f3f46 !important }
  .card .button { background: ${dark} !important; color: ${textOn(dark)} !important; border-color: ${edgeOn(night, dark)} !important }
  .card .logo { background: ${paper} !important; padding: 6px !important }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f4f4f5">
<div style="display:none;max-height:0;overflow:hidden">${escapeHtml(preview)}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f4f4f5"><tr>
<td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:520px"><tr>
<td class="card" style="padding:32px;background:${paper};border-radius:12px;font:400 16px/24px ${font};color:${night};text-align:left;word-break:break-word">
${logo(look)}<h1 style="margin:0 0 16px;font:600 22px/28px ${font};color:${ink}">${escapeHtml(title)}</h1>
${paragraphs.map((paragraph) => line(paragraph, "")).join("\n")}
${action === undefined ? "" : button(action, look.accent_color ?? ink)}${code === undefined ? "" : box(code)}
${notes.map((note) => `<p class="note" style="margin:0 0 8px;font-size:14px;line-height:20px;color:#71717a">${escapeHtml(note)}</p>`).join("\n")}
</td></tr></table>
${sender(look)}
</td></tr></table>
</body>
</html>
`;
}

const line = (content: string, style: string) =>
  `<p style="margin:0 0 16px;${style}">${escapeHtml(content)}</p>`;

const logo = ({ logo_url, name }: Look) =>
  logo_url === null
    ? ""
    : `<img class="logo" src="${escapeHtml(logo_url)}" alt="${escapeHtml(name)}" height="40" referrerpolicy="no-referrer" style="display:block;height:40px;width:auto;max-width:100%;object-fit:contain;margin:0 0 24px;border:0;border-radius:6px;font:600 18px/40px ${font};color:${ink}">\n`;

const button = ({ label, url }: { label: string; url: string }, color: string) =>
  `<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr>
<td bgcolor="${color}" style="border-radius:8px"><a class="button" href="${escapeHtml(url)}" style="display:inline-block;padding:11px 21px;font:600 16px/20px ${font};background:${color};color:${textOn(color)};text-decoration:none;border:1px solid ${edgeOn(paper, color)};border-radius:8px">${escapeHtml(label)}</a></td>
</tr></table>`;

function box({ label, value }: { label: string; value: string }): string {
  const size = value.length > 12 ? "14px/22px" : "24px/30px";
  const space = value.length > 12 ? "" : "letter-spacing:4px;";
  return `${line(label, "font-size:14px;line-height:20px;margin-bottom:8px")}
<p class="code" style="margin:0 0 24px;padding:12px 16px;background:#f4f4f5;border-radius:8px;font:600 ${size} ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;${space}word-break:break-all">${escapeHtml(value)}</p>`;
}

/** The sender and the app's footer below the card. The footer has its own text direction. */
function sender({ name, site_url, footer }: Look): string {
  const link = (url: string, text: string) =>
    `<a href="${escapeHtml(url)}" style="color:inherit">${escapeHtml(text)}</a>`;
  const small = (html: string) =>
    `<p class="sender" dir="auto" style="margin:16px 0 0;font:400 13px/18px ${font};color:#71717a;word-break:break-word">${html}</p>`;
  const from = site_url === null ? escapeHtml(name) : `${escapeHtml(name)}<br>${link(site_url, site_url)}`;
  if (footer === null) return small(from);
  const words = footer
    .split(/(https:\/\/[^\s<>"]*[^\s<>".,;:!?)\]])/)
    .map((part, at) => (at % 2 === 1 ? link(part, part) : escapeHtml(part).replaceAll("\n", "<br>")));
  return `${small(from)}\n${small(words.join(""))}`;
}
