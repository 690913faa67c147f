import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { shell } from "./layout.ts";

/** The page of the API reference: Scalar reads `openapi.json` beside it. */
export const referencePage = shell({
  output: "index.html",
  title: "API reference",
  body: `<div id="main"><div id="reference"></div>
<noscript><p>The reference needs JavaScript. The same facts are in <a href="openapi.json">openapi.json</a>.</p></noscript></div>
<script src="assets/scalar.js"></script>
<script type="module" src="assets/reference.js"></script>`,
});

/**
 * The script of Scalar for browsers, in one file. It is in the package of the Fastify plugin, whose code is never loaded.
 * Scalar's own package has 240 MB.
 */
export function scalarScript(): string {
  const plugin = readFileSync(fileURLToPath(import.meta.resolve("@scalar/fastify-api-reference")), "utf8");
  const [, text] = /^var standalone_default = (".*");$/m.exec(plugin) ?? [];
  const script: unknown = text && runInNewContext(text);
  if (typeof script === "string" && script.includes("createApiReference")) return script;
  throw new Error("Scalar's package has no script for browsers.");
}
