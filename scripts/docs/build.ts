import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../local/settings.ts";
import { guidePage, relativeTo } from "./layout.ts";
import { llmsText, markdownPage } from "./llms.ts";
import { renderMarkdown } from "./markdown.ts";
import { findPages, markdownOf, type Page } from "./pages.ts";
import { referencePage, scalarScript } from "./reference.ts";
import { documentOfReference } from "./samples.ts";
import { type Found, partsOf } from "./search.ts";

const assets = join(repositoryRoot, "scripts", "docs", "assets");
const images = "docs/images";
/** Files for other programs, such as Grafana. */
const files = "docs/operations";

/** Writes the whole site into the folder, which is emptied first. Returns the number of pages. */
export async function buildDocs(folder: string): Promise<number> {
  rmSync(folder, { recursive: true, force: true });
  const write = (path: string, content: string | Buffer) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  write("index.html", referencePage);
  const openApi = readFileSync(join(repositoryRoot, "docs", "openapi.json"), "utf8");
  write("openapi.json", openApi);
  write("reference.json", JSON.stringify(documentOfReference(JSON.parse(openApi))));
  write("assets/scalar.js", scalarScript());
  cpSync(assets, join(folder, "assets"), { recursive: true });
  write("assets/code.css", codeStyles());
  for (const copied of [images, files])
    cpSync(join(repositoryRoot, copied), join(folder, copied.slice("docs/".length)), { recursive: true });

  const pages = findPages();
  const parts: Found[] = [];
  for (const page of pages) {
    const rendered = await renderMarkdown(page.markdown, page.source, (path) => {
      const output = outputOf(path, pages);
      return output === undefined ? undefined : relativeTo(page.output, output);
    });
    write(page.output, guidePage(page, rendered, pages));
    if (page.section !== undefined) parts.push(...partsOf(page, rendered));
    write(
      markdownOf(page),
      markdownPage(page, (path) => {
        const target = pages.find(({ source }) => source === path);
        return target === undefined ? outputOf(path, pages) : markdownOf(target);
      }),
    );
  }
  write("search.json", JSON.stringify(parts));
  write("llms.txt", llmsText(pages));
  return pages.length + 1;
}

/** The colours of code, for a light page and for a dark one. */
function codeStyles(): string {
  const theme = (name: string) =>
    readFileSync(
      fileURLToPath(import.meta.resolve(`@speed-highlight/core/themes/github-${name}.css`)),
      "utf8",
    );
  return ["light", "dark"]
    .map((name) => `@media (prefers-color-scheme: ${name}) {\n${theme(name)}\n}\n`)
    .join("");
}

/** Where the site has a file of the repository. */
function outputOf(path: string, pages: Page[]): string | undefined {
  const page = pages.find(({ source }) => source === path);
  if (page !== undefined) return page.output;
  if (path === "docs/openapi.json") return "openapi.json";
  const copied = [images, files].some((folder) => path.startsWith(`${folder}/`));
  if (copied && existsSync(join(repositoryRoot, path))) return path.slice("docs/".length);
  return path === "packages/client" ? "sdk.html" : undefined;
}
