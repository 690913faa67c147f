import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";

/** A Markdown file and its place in the site. */
export type Page = {
  /** The path from the root of the repository. */
  source: string;
  /** The path from the root of the site. */
  output: string;
  title: string;
  /** The section in the navigation. Pages without one are linked from other pages. */
  section?: string;
  markdown: string;
};

const other = "More";
const sections: Record<string, string[]> = {
  "Begin here": ["quick-start", "starter-kit", "sdk"],
  "How it works": ["accounts", "projects-and-keys", "generation", "webhooks", "errors", "limits"],
  "In operation": [
    "going-live",
    "self-hosting",
    "security",
    "operations",
    "studio",
    "scaling",
    "reliability",
  ],
  [other]: ["changelog", "decisions"],
};
const elsewhere: Record<string, string> = {
  sdk: "packages/client/README.md",
  changelog: "CHANGELOG.md",
  decisions: "docs/decisions/README.md",
};

/**
 * Every markdown file of `docs`, in the order of the navigation. A new file needs no line here and is added to the last section.
 */
export function findPages(): Page[] {
  const placed = Object.entries(sections).flatMap(([section, own]) =>
    own
      .map((name) => ({ section, name, source: elsewhere[name] ?? `docs/${name}.md` }))
      .filter(({ source }) => existsSync(join(repositoryRoot, source))),
  );
  const known = new Set(placed.map(({ name }) => name));
  const rest = markdownIn("docs")
    .filter((name) => !known.has(name))
    .map((name) => ({ section: other, name, source: `docs/${name}.md` }));
  const decisions = markdownIn("docs/decisions")
    .filter((file) => file !== "README")
    .map((file) => ({ name: `decisions/${file}`, source: `docs/decisions/${file}.md` }));
  return [...placed, ...rest, ...decisions].map(pageOf);
}

/** The navigation: each section with its pages. */
export const sectionsOf = (pages: Page[]) =>
  [...Map.groupBy(pages, ({ section }) => section)].flatMap(([section, own]) =>
    section === undefined ? [] : { section, own },
  );

/** The path of the page as Markdown: the same with another ending. */
export function markdownOf({ output }: Pick<Page, "output">): string {
  return output.replace(/\.html$/, ".md");
}

/** The names of the files, without their ending. */
const markdownIn = (folder: string) =>
  globSync("*.md", { cwd: join(repositoryRoot, folder) })
    .map((file) => file.slice(0, -3))
    .sort();

function pageOf({ name, source, section }: { name: string; source: string; section?: string }): Page {
  const markdown = readFileSync(join(repositoryRoot, source), "utf8");
  const placed = section === undefined ? {} : { section };
  return { source, output: `${name}.html`, title: titleOf(markdown, source), markdown, ...placed };
}

function titleOf(markdown: string, source: string): string {
  const title = /^# (.+)$/m.exec(markdown)?.[1];
  if (title === undefined) throw new Error(`${source} has no title: begin it with "# …".`);
  return source === elsewhere.sdk ? "TypeScript SDK" : title.replaceAll("`", "");
}
