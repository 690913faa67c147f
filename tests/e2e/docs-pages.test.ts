import { readFileSync } from "node:fs";
import { request as openRequest } from "node:http";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const { gateway } = inject("stack").urls;

/** Sends the path unchanged. `fetch` would resolve its dots. */
function statusOf(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    openRequest(`${gateway}/`, { path }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once("error", reject)
      .end();
  });
}

test("the reference and the guides are served under /docs, cannot be framed, and load nothing from other hosts", async () => {
  const moved = await fetch(`${gateway}/docs`, { redirect: "manual" });
  expect([moved.status, moved.headers.get("location")]).toEqual([308, "/docs/"]);
  for (const path of ["/docs/", "/docs/accounts.html", "/docs/accounts", "/docs/sdk.html"]) {
    const page = await fetch(gateway + path);
    expect([path, page.status, page.headers.get("content-type")]).toEqual([
      path,
      200,
      "text/html; charset=utf-8",
    ]);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    expect(page.headers.get("access-control-allow-origin")).toBeNull();
    expect(await page.text()).toContain("</html>");
  }
});

test.each([
  ["/docs/llms.txt", "text/plain; charset=utf-8", "(accounts.md)"],
  ["/docs/accounts.md", "text/markdown; charset=utf-8", "# Accounts"],
  ["/docs/operations/alerts.yml", "text/plain; charset=utf-8", "CloudApiDown"],
])("the file %s is served as %s", async (path, type, words) => {
  const answer = await fetch(`${gateway}${path}`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, type]);
  expect(await answer.text()).toContain(words);
});

test("a browser that has a current copy of a file under /docs gets 304 without a body", async () => {
  const first = await fetch(`${gateway}/docs/assets/scalar.js`);
  expect((await first.text()).length).toBeGreaterThan(1_000_000);
  const etag = first.headers.get("etag") ?? "";
  const again = await fetch(`${gateway}/docs/assets/scalar.js`, { headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
});

test.each([
  "/docs/nothing.html",
  "/docs/..%2f..%2fpackage.json",
  "/docs/../../package.json",
  "/docs/%2e%2e/%2e%2e/%2e%2e/package.json",
  "/docs/%00",
  "/docs/%zz",
  "/docs/assets",
])("the path %s is 404", async (path) => {
  expect(await statusOf(path)).toBe(404);
});

test("/docs refuses a POST with 405", async () => {
  const answer = await fetch(`${gateway}/docs/`, { method: "POST", body: "x" });
  expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect(await answer.json()).toMatchObject({ code: "method_not_allowed" });
});

test("the doc_url of an error leads to the paragraph about its code", async () => {
  const answer = await fetch(`${gateway}/api/v1/projects/none`, { headers: { "x-project-id": "none" } });
  const { code, doc_url } = (await answer.json()) as { code: string; doc_url: string };
  expect(doc_url).toBe(`${gateway}/docs/errors.html#${code}`);
  expect(await (await fetch(doc_url)).text()).toContain(` id="${code}"`);
});

test("/openapi.json is the committed document, and pages of any origin can read it", async () => {
  const answer = await fetch(`${gateway}/openapi.json`, { headers: { origin: "https://app.test" } });
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(await answer.text()).toBe(readFileSync(join(repositoryRoot, "docs", "openapi.json"), "utf8"));
});
