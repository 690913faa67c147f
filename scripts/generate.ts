// Writes the files that are made from others. Never edited by hand; `npm run check` fails when one is stale.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTypes, { astToString, type OpenAPI3 } from "openapi-typescript";
import { openApiDocument } from "../supabase/functions/api/openapi-document.ts";
import { ROOT } from "./local/settings.ts";

/** Path and content of every generated file. */
export async function generated(): Promise<[string, string][]> {
  const document = JSON.stringify(openApiDocument(), null, 2);
  return [
    ["docs/openapi.json", `${document}\n`],
    ["packages/client/src/wire.gen.ts", await wireTypes(JSON.parse(document) as OpenAPI3)],
  ];
}

/** The types of the SDK. A field with a default may be left out of a request. */
async function wireTypes(document: OpenAPI3): Promise<string> {
  const types = await openapiTypes(document, { defaultNonNullable: false, alphabetize: false });
  return `// Made from docs/openapi.json by \`npm run generate\`.\n${astToString(types)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, content] of await generated()) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), content);
    console.log(`wrote ${path}`);
  }
}
