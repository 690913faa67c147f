// Writes the files that are made from others. Never edited by hand; `npm run check` fails when one is stale.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openApiDocument } from "../supabase/functions/api/openapi-document.ts";
import { ROOT } from "./local/settings.ts";

/** Path and content of every generated file. */
export async function generated(): Promise<[string, string][]> {
  return [["docs/openapi.json", `${JSON.stringify(openApiDocument(), null, 2)}\n`]];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of await generated()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
    console.log(`wrote ${path}`);
  }
}
