/** What a mail says, before it is text or HTML. Every string is plain text. */
export type Letter = {
  subject: string;
  /** What an inbox shows beside the subject. */
  preview: string;
  title: string;
  paragraphs: string[];
  action?: { label: string; url: string };
  code?: { label: string; value: string };
  /** Set smaller, below the rest. */
  notes: string[];
  /** Whose mail this is. */
  sender: string;
};

export const escapeHtml = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export function toText({ title, paragraphs, action, code, notes, sender }: Letter): string {
  const parts = [
    title,
    ...paragraphs,
    ...(action === undefined ? [] : [`${action.label}:\n${action.url}`]),
    ...(code === undefined ? [] : [`${code.label}:\n${code.value}`]),
    ...notes,
    `-- \n${sender}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

const font = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/** Tables and inline styles, because that is what mail clients agree on; no picture, no outside address but the link. */
export function toHtml({ subject, preview, title, paragraphs, action, code, notes, sender }: Letter): string {
  const text = (content: string, style: string) =>
    `<p style="margin:0 0 16px;${style}">${escapeHtml(content)}</p>`;
  const button =
    action === undefined
      ? ""
      : `<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr>
<td bgcolor="#18181b" style="border-radius:8px"><a class="button" href="${escapeHtml(action.url)}" style="display:inline-block;padding:12px 22px;font:600 16px/20px ${font};color:#ffffff;text-decoration:none;border-radius:8px">${escapeHtml(action.label)}</a></td>
</tr></table>`;
  const box =
    code === undefined
      ? ""
      : `${text(code.label, "font-size:14px;line-height:20px;margin-bottom:8px")}
<p class="code" style="margin:0 0 24px;padding:12px 16px;background:#f4f4f5;border-radius:8px;font:600 ${code.value.length > 12 ? "14px/22px" : "24px/30px"} ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;${code.value.length > 12 ? "" : "letter-spacing:4px;"}word-break:break-all">${escapeHtml(code.value)}</p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<style>
@media (prefers-color-scheme: dark) {
  .page { background: #18181b !important }
  .card { background: #27272a !important }
  .card, .card h1, .card p { color: #fafafa !important }
  .card .note, .sender { color: #a1a1aa !important }
  .card .code { background: #3f3f46 !important }
  .card .button { background: #fafafa !important; color: #18181b !important }
}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f4f4f5">
<div style="display:none;max-height:0;overflow:hidden">${escapeHtml(preview)}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background:#f4f4f5"><tr>
<td align="center" style="padding:32px 16px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:520px"><tr>
<td class="card" style="padding:32px;background:#ffffff;border-radius:12px;font:400 16px/24px ${font};color:#27272a;text-align:left">
<h1 style="margin:0 0 16px;font:600 22px/28px ${font};color:#18181b">${escapeHtml(title)}</h1>
${paragraphs.map((paragraph) => text(paragraph, "")).join("\n")}
${button}${box}
${notes.map((note) => `<p class="note" style="margin:0 0 8px;font-size:14px;line-height:20px;color:#71717a">${escapeHtml(note)}</p>`).join("\n")}
</td></tr></table>
<p class="sender" style="margin:16px 0 0;font:400 13px/18px ${font};color:#71717a">${escapeHtml(sender)}</p>
</td></tr></table>
</body>
</html>
`;
}
