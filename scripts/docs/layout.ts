import { posix } from "node:path";
import { escapeHtml } from "../../supabase/functions/api/escape-html.ts";
import type { Rendered } from "./markdown.ts";
import { markdownOf, type Page, sectionsOf } from "./pages.ts";

/** A relative link to another file of the site, so that the site works under any path. */
export function relativeTo(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to) || posix.basename(to);
}

export function guidePage(page: Page, { html, headings }: Rendered, pages: Page[]): string {
  const link = (to: string) => escapeHtml(relativeTo(page.output, to));
  const listed = pages.filter(({ section }) => section !== undefined);
  const at = listed.indexOf(page);
  const neighbour = (other: Page | undefined, rel: "prev" | "next", word: string) =>
    other === undefined || at < 0
      ? ""
      : `<a rel="${rel}" href="${link(other.output)}"><small>${word}</small> ${escapeHtml(other.title)}</a>`;
  const parts = headings.filter(({ depth }) => depth === 2);
  const toc =
    parts.length < 3
      ? ""
      : `<nav class="list toc" aria-label="On this page"><strong>On this page</strong><ul>
${parts.map(({ id, text }) => `<li><a href="#${id}">${text}</a></li>`).join("\n")}
</ul></nav>`;
  return shell({
    output: page.output,
    title: page.title,
    markdown: markdownOf(page),
    body: `<div class="columns">
<details class="list menu"><summary>All guides</summary>${navigation(page, pages)}</details>
<nav class="list side" aria-label="Guides">${navigation(page, pages)}</nav>
<main id="main"><article>
${html}</article>
<nav class="neighbours" aria-label="Next pages">
${neighbour(listed[at - 1], "prev", "Before")}
${neighbour(listed[at + 1], "next", "Next")}
</nav></main>
${toc}
</div>`,
  });
}

function navigation(page: Page, pages: Page[]): string {
  const item = (one: Page) => {
    const current = one === page ? ' aria-current="page"' : "";
    return `<li><a href="${escapeHtml(relativeTo(page.output, one.output))}"${current}>${escapeHtml(one.title)}</a></li>`;
  };
  return sectionsOf(pages)
    .map(
      ({ section, own }) => `<strong>${escapeHtml(section)}</strong><ul>\n${own.map(item).join("\n")}\n</ul>`,
    )
    .join("\n");
}

/** Every page: a bar at the top, and the body below it. */
export function shell(page: {
  output: string;
  title: string;
  body: string;
  /** The path of the same page as Markdown. The API reference has none. */
  markdown?: string;
}): string {
  const link = (to: string) => escapeHtml(relativeTo(page.output, to));
  const isGuide = page.markdown !== undefined;
  const current = (is: boolean) => (is ? ' aria-current="true"' : "");
  const start = link("quick-start.html");
  const styles = isGuide ? ["site", "guide", "code"] : ["site"];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(page.title)} · Cloud API</title>
<link rel="icon" href="${link("assets/icon.svg")}">${isGuide ? `\n<link rel="alternate" type="text/markdown" href="${link(page.markdown ?? "")}">` : ""}
${styles.map((name) => `<link rel="stylesheet" href="${link(`assets/${name}.css`)}">`).join("\n")}
</head>
<body${isGuide ? "" : ' class="reference"'}>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar"><a class="brand" href="${start}"><img src="${link("assets/icon.svg")}" alt="" width="20" height="20"> Cloud API</a>
<nav aria-label="Site"><a href="${start}"${current(isGuide)}>Guides</a>
<a href="${link("index.html")}"${current(!isGuide)}>API reference</a></nav>
<search class="search"><input type="search" placeholder="Search the guides" aria-label="Search the guides" data-index="${link("search.json")}"><ul></ul></search></header>
${page.body}
<script src="${link("assets/site.js")}" defer></script>
</body>
</html>
`;
}
