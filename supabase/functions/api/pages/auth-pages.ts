import { createRouter } from "../router.ts";
import { documentOf, resetPage, verifyPage } from "./page.ts";

/**
 * The pages behind links in mails, for projects without their own pages. Opening a page does not use the token, since mail scanners
 * open every link. The button POSTs the token. It is after the `#`, so it is never sent with the page.
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
