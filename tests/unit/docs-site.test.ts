import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildDocs } from "../../scripts/docs/build.ts";
import { renderMarkdown } from "../../scripts/docs/markdown.ts";
import { findPages } from "../../scripts/docs/pages.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const folder = mkdtempSync(join(tmpdir(), "cloud-api-docs-"));
let pages: { path: string; html: string }[] = [];

beforeAll(async () => {
  await buildDocs(folder);
  pages = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".html"))
    .map((path) => ({ path, html: readFileSync(join(folder, path), "utf8") }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const addressesIn = (html: string) =>
  Array.from(html.matchAll(/<[^>]+\s(?:href|src)="([^"]*)"/g), ([, address = ""]) => address);

test("every guide, the SDK's README and the changelog are pages of the site that another page links to", () => {
  const files = readdirSync(join(repositoryRoot, "docs"), { recursive: true, encoding: "utf8" });
  const markdown = files.filter((file) => file.endsWith(".md")).map((file) => `docs/${file}`);
  const found = findPages();
  expect(found.map(({ source }) => source).sort()).toEqual(
    [...markdown, "CHANGELOG.md", "packages/client/README.md"].sort(),
  );
  const linked = new Set(
    pages.flatMap(({ path, html }) =>
      addressesIn(html).map((address) => posix.join(posix.dirname(path), address.split("#")[0] ?? "")),
    ),
  );
  expect(found.map(({ output }) => output).filter((output) => !linked.has(output))).toEqual([]);
});

test("every link of the documentation site leads to a file and a heading that exist", () => {
  const broken = pages.flatMap(({ path, html }) =>
    addressesIn(html)
      .filter((address) => !/^https?:/.test(address))
      .filter((address) => {
        const [file = "", id] = address.split("#");
        const target = file === "" ? path : posix.join(posix.dirname(path), file);
        if (!existsSync(join(folder, target))) return true;
        return id !== undefined && !readFileSync(join(folder, target), "utf8").includes(` id="${id}"`);
      })
      .map((address) => `${path}: ${address}`),
  );
  expect(broken).toEqual([]);
});

test("every page of the site links to its Markdown version, whose links lead to files of the site", () => {
  const links = (text: string) => Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => target);
  let seen = 0;
  for (const { path, html } of pages.filter(({ path }) => path !== "index.html")) {
    const markdown = path.replace(/html$/, "md");
    expect(html).toContain(`<link rel="alternate" type="text/markdown" href="${posix.basename(markdown)}">`);
    const text = readFileSync(join(folder, markdown), "utf8");
    expect([markdown, text.startsWith("# ")]).toEqual([markdown, true]);
    const own = links(text.replaceAll(/^```.*?^```$|`[^`\n]*`/gms, "")).filter(
      (to) => !/^(https?:|mailto:|#)/.test(to),
    );
    const broken = own.filter((to) => !existsSync(join(folder, posix.dirname(path), to.split("#")[0] ?? "")));
    expect([markdown, broken, own.filter((to) => to.includes(".html"))]).toEqual([markdown, [], []]);
    seen += own.length;
  }
  expect(seen).toBeGreaterThan(50);
});

test("llms.txt lists the OpenAPI document and every guide of the navigation, each with a sentence", () => {
  const lines = readFileSync(join(folder, "llms.txt"), "utf8").split("\n");
  const listed = lines.flatMap((line) =>
    [...line.matchAll(/^- \[.+?\]\(([^)]+)\): \S.+\.$/g)].map(([, to]) => to),
  );
  expect(lines.filter((line) => line.startsWith("- ")).length).toBe(listed.length);
  const guides = findPages().filter(({ section }) => section !== undefined);
  expect(listed).toEqual(["openapi.json", ...guides.map(({ output }) => output.replace(/html$/, "md"))]);
});

test("no page of the site loads a script, a style or an image from another host", () => {
  for (const { path, html } of pages) {
    const loaded = Array.from(
      html.matchAll(/<(?:script|img)[^>]*\ssrc="([^"]*)"|<link[^>]*\shref="([^"]*)"/g),
      ([, src, href]) => src ?? href,
    );
    expect([path, loaded.filter((address) => /^(https?:)?\/\//.test(address ?? ""))]).toEqual([path, []]);
    expect(html).not.toMatch(/<(script|style)>/);
  }
});

test("every page of the site has one title, a language and a link that skips the navigation", () => {
  for (const { path, html } of pages) {
    const guide = path !== "index.html";
    expect([path, html.match(/<h1>/g)?.length]).toEqual([path, guide ? 1 : undefined]);
    expect(html).toContain('<html lang="en">');
    expect(html).toContain('<a class="skip" href="#main">');
  }
});

test("no image of the guides is larger than 200 kB", () => {
  const images = join(repositoryRoot, "docs", "images");
  const heavy = readdirSync(images).filter((name) => statSync(join(images, name)).size > 200_000);
  expect(heavy).toEqual([]);
});

test("HTML in a guide is shown as text, and a javascript: link is no link", async () => {
  const { html } = await renderMarkdown(
    '# A <b>title</b>\n\n<script>alert(1)</script>\n\n`<i>` [x](javascript:alert(1) "y")\n\n```sh\necho "<u>"\n```\n',
    "docs/x.md",
    () => undefined,
  );
  expect(html.replace(/<\/?(h1|p|code|pre|div|span|a)\b[^>]*>/g, "")).not.toMatch(/<(?!\/?(a)\b)/);
  expect(html).not.toMatch(/href="javascript:/);
});
