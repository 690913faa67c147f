import { posix } from "node:path";
import { highlightHTML } from "@speed-highlight/core";
import { Marked, type Tokens } from "marked";
import { escapeHtml } from "../../supabase/functions/api/escape-html.ts";

export type Rendered = {
  html: string;
  headings: { depth: number; text: string; id: string }[];
};

const languages: Record<string, string> = {
  sh: "bash",
  js: "js",
  ts: "ts",
  json: "json",
  sql: "sql",
  http: "http",
  env: "ini",
  yaml: "yaml",
};

/**
 * HTML of a markdown file. `resolve` returns the address of a file of the repository, or undefined if the site does not have it.
 * Then the link becomes plain text.
 */
export async function renderMarkdown(
  markdown: string,
  source: string,
  resolve: (path: string) => string | undefined,
): Promise<Rendered> {
  const headings: Rendered["headings"] = [];
  const coloured = new Map<Tokens.Code, string>();
  const seen = new Map<string, number>();
  const marked = new Marked({
    async: true,
    walkTokens: async (token) => {
      if (token.type !== "code") return;
      const { text, lang = "" } = token as Tokens.Code;
      const language = languages[lang];
      const html =
        language === undefined ? escapeHtml(text) : await highlightHTML(text, language, { block: false });
      coloured.set(token as Tokens.Code, html);
    },
    renderer: {
      heading({ tokens, depth }) {
        const inner = this.parser.parseInline(tokens);
        const text = this.parser.parseInline(tokens, this.parser.textRenderer);
        const base = slugOf(text);
        const count = seen.get(base) ?? 0;
        seen.set(base, count + 1);
        const id = count === 0 ? base : `${base}-${count}`;
        headings.push({ depth, text, id });
        if (depth === 1) return `<h1>${inner}</h1>\n`;
        return `<h${depth} id="${id}"><a class="anchor" href="#${id}">${inner}</a></h${depth}>\n`;
      },
      code(token) {
        const label = token.lang ? ` data-language="${escapeHtml(token.lang)}"` : "";
        return `<div class="code"${label}><pre tabindex="0"><code>${coloured.get(token)}</code></pre></div>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        if (/^(https?|mailto):/i.test(href))
          return `<a href="${escapeHtml(href)}" rel="noreferrer">${inner}</a>`;
        const address = addressOf(href, source, resolve);
        return address === undefined ? inner : `<a href="${escapeHtml(address)}">${inner}</a>`;
      },
      image({ href, text }) {
        const address = addressOf(href, source, resolve);
        if (address === undefined) throw new Error(`${source} shows ${href}, which the site does not have.`);
        return `<img src="${escapeHtml(address)}" alt="${escapeHtml(text)}">`;
      },
      table(token) {
        const words = (cell: Tokens.TableCell) => this.parser.parseInline(cell.tokens);
        const head = token.header.map((cell) => `<th scope="col">${words(cell)}</th>`).join("");
        const labels = token.header.map(({ text }) => escapeHtml(text.replaceAll("`", "")));
        const rows = token.rows
          .map((row) => row.map((cell, at) => `<td data-label="${labels[at]}">${words(cell)}</td>`).join(""))
          .map((cells) => `<tr>${cells}</tr>`)
          .join("\n");
        const wide = labels.length > 2 ? " wide" : "";
        return `<div class="table${wide}" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>\n${rows}\n</tbody></table></div>\n`;
      },
      // Shows HTML tags as text.
      html: ({ text }) => escapeHtml(text),
    },
  });
  const html = await marked.parse(markdown);
  return { html, headings };
}

/** The anchor of a heading, as on GitHub, so that links work in both places. */
function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/&[a-z#0-9]+;/g, "")
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function addressOf(
  href: string,
  source: string,
  resolve: (path: string) => string | undefined,
): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(href)) return undefined;
  const [path = "", fragment] = href.split("#");
  const hash = fragment === undefined ? "" : `#${fragment}`;
  if (path === "") return hash;
  const address = resolve(posix.join(posix.dirname(source), path));
  return address === undefined ? undefined : address + hash;
}
