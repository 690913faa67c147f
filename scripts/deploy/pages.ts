// Writes the pages behind links in mails as files for any static site, because hosted functions and buckets send HTML as
// plain text.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { documentOf, resetPage, verifyPage } from "../../supabase/functions/api/pages/page.ts";

const [base = "", folder = "dist/mail-pages"] = process.argv.slice(2);
if (!URL.canParse(base)) {
  console.error("usage: node scripts/deploy/pages.ts <address of the API, without /api/v1> [folder]");
  process.exit(1);
}
const target = resolve(folder);
mkdirSync(target, { recursive: true });
for (const page of [verifyPage, resetPage]) {
  const { html } = documentOf(page, `${base.replace(/\/+$/, "")}/api/v1/auth/`);
  writeFileSync(join(target, `${page.name}.html`), html);
}
console.log(`The pages for links in mails are in ${target}. Put them on any site that serves files, such as the folder public/
of your app, and set PAGES_URL to their URL (https://app.example.com/account); then deploy again.`);
