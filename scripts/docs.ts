// `npm run docs:build`: the guides and the API reference as a static site, which any web server can serve from any path.
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildDocs } from "./docs/build.ts";
import { reasonOf } from "./local/problem.ts";
import { repositoryRoot } from "./local/settings.ts";

const { out } = parseArgs({
  options: { out: { type: "string", default: resolve(repositoryRoot, "dist", "docs") } },
}).values;
const started = performance.now();
const pages = await buildDocs(resolve(out)).catch((error: unknown) => {
  console.error(reasonOf(error));
  process.exit(1);
});
console.log(
  `${pages} pages in ${relative(process.cwd(), resolve(out)) || "."} after ${((performance.now() - started) / 1000).toFixed(1)} s.`,
);
