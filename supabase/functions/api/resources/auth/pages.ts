import { createHash } from "node:crypto";
import { createRouter } from "../../openapi.ts";
import { resetPage, verifyPage } from "./page-html.ts";

/**
 * The pages that links of mails lead to when a project has no site of its own. Opening one does nothing: mail scanners open
 * every link. A press of the button POSTs the token, which stands after the `#` and so is never sent with the page.
 */
export const authPages = createRouter();

for (const [path, page] of [
  ["/api/v1/auth/verify-email", verifyPage],
  ["/api/v1/auth/reset-password", resetPage],
] as const) {
  const { html, policy } = sealed(page);
  authPages.get(path, (c) =>
    c.html(html, 200, {
      "Content-Security-Policy": policy,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    }),
  );
}

/** Only the page's own script and style may run, and it may talk only to where it came from. */
function sealed({ style, script, body, title }: typeof verifyPage): { html: string; policy: string } {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${hash(script)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
${body}
<noscript><p>This page needs JavaScript. The mail also has a code that you can use instead.</p></noscript>
</main>
<script>${script}</script>
</body>
</html>
`;
  return { html, policy };
}
