import { posix } from "node:path";
import { relativeTo } from "./layout.ts";
import { markdownOf, type Page, sectionsOf } from "./pages.ts";

/**
 * The source of a guide, with links to the Markdown pages of the site. A link to a file that the site does not have
 * becomes plain text. Blocks of code are unchanged.
 */
export function markdownPage(page: Page, resolve: (path: string) => string | undefined): string {
  const linked = (text: string) =>
    text.replace(
      /\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)/g,
      (whole, words, href, hash = "") => {
        if (/^[a-z][a-z+.-]*:/i.test(href)) return whole;
        const target = resolve(posix.join(posix.dirname(page.source), href));
        return target === undefined ? words : `[${words}](${relativeTo(markdownOf(page), target)}${hash})`;
      },
    );
  const blocks = page.markdown.split(/^(```[^\n]*\n[\s\S]*?^```$)/m);
  return blocks.map((block, at) => (at % 2 === 0 ? linked(block) : block)).join("");
}

/** The map of the site for coding assistants, in the form of llmstxt.org: a link and a sentence for each guide. */
export function llmsText(pages: Page[]): string {
  const line = (page: Page) => `- [${page.title}](${markdownOf(page)}): ${summaryOf(page)}`;
  const lists = sectionsOf(pages).map(({ section, own }) => `## ${section}\n\n${own.map(line).join("\n")}\n`);
  return `# Cloud API

> The back end of AI apps as a configuration of Supabase: accounts, projects, API keys, image generation, health.

Every page of this site is markdown too: put \`.md\` in the place of \`.html\`. Addresses are relative to this file.

## API

- [OpenAPI document](openapi.json): every route with its parameters, bodies, answers and errors. Each deployment gives its own at \`/api/v1/openapi.json\`.

${lists.join("\n")}`;
}

/** The first paragraph below the title, as one line of text. */
function summaryOf({ markdown }: Page): string {
  const paragraph = markdown
    .split(/\n{2,}/)
    .map((block) => block.trim())
    .find((block) => /^[\p{L}`*[]/u.test(block));
  const text = (paragraph ?? "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[`*]|\s*\n\s*/g, (found) => (/\n/.test(found) ? " " : ""));
  const sentence = /^.+?[.:](?= |$)/.exec(text)?.[0] ?? text;
  return sentence.replace(/:$/, ".");
}
