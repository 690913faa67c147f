// Writes the guides and the API reference as a static site, which any web server can serve under any path.
import { relative, resolve } from "node:path";
import { buildDocs } from "./docs/build.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { repositoryRoot } from "./local/settings.ts";

const helpText = `Builds the guides and the API reference as a static site.

  npm run docs:build                  into dist/docs
  npm run docs:build -- --out FOLDER  into another folder, which is emptied first`;

await runMain(async () => {
  const { values } = readCommandLine("npm run docs:build", helpText, {
    out: { type: "string", default: resolve(repositoryRoot, "dist", "docs") },
  });
  const started = performance.now();
  const folder = resolve(values.out);
  const pages = await buildDocs(folder);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${pages} pages in ${relative(process.cwd(), folder) || "."} after ${seconds} s.`);
}, "The site could not be built");
