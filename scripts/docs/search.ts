import type { Rendered } from "./markdown.ts";
import type { Page } from "./pages.ts";

/** A part of a guide: its path, its title and its text. */
export type Found = { at: string; title: string; page: string; text: string };

/** The parts of a page for the search, one per heading. */
export function partsOf({ output, title }: Page, { html, headings }: Rendered): Found[] {
  const [first = "", ...rest] = html.split(/(?=<h[23] id=")/);
  return [first, ...rest].map((part) => {
    const id = /^<h[23] id="([^"]*)"/.exec(part)?.[1];
    const heading = headings.find((one) => one.depth > 1 && one.id === id);
    return {
      at: id === undefined ? output : `${output}#${id}`,
      title: heading?.text ?? title,
      page: title,
      text: part
        .replace(/<[^>]*>/g, " ")
        .replace(/\s+/g, " ")
        .trim(),
    };
  });
}
