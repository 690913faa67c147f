import { createRouter } from "../router.ts";
import { documentOf, resetPage, verifyPage } from "./page.ts";

/**
 * The pages that links of mails lead to when a project names none of its own. Opening one uses nothing up: mail scanners open
 * every link. A press of the button POSTs the token, which stands after the `#` and so is never sent with the page.
 */
export const authPages = createRouter();

for (const page of [verifyPage, resetPage]) {
  const { html, policy } = documentOf(page);
  authPages.get(`/api/v1/auth/${page.name}`, (c) =>
    c.html(html, 200, {
      "Content-Security-Policy": `${policy}; frame-ancestors 'none'`,
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
    }),
  );
}
