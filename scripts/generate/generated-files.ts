import openapiTypes, { astToString, type OpenAPI3 } from "openapi-typescript";
import { openApiDocument } from "../openapi/openapi-document.ts";
import { baseline, baselineName, isReleased, migrationNames } from "../schema/baseline.ts";

/** Path and content of every generated file. */
export async function generated(): Promise<[string, string][]> {
  const document = JSON.stringify(openApiDocument(), null, 2);
  return [
    ...(isReleased() ? [] : [[`supabase/migrations/${baselineName}`, baseline()] as [string, string]]),
    ["docs/openapi.json", `${document}\n`],
    ["supabase/functions/api/migrations.gen.ts", migrationList()],
    ["supabase/functions/api/openapi.gen.ts", openApiModule(document)],
    ["packages/client/src/wire.gen.ts", await wireTypes(JSON.parse(document) as OpenAPI3)],
  ];
}

/**
 * A deployed function serves the document but cannot read files, so the document is a module. As text it has no cost until
 * it is parsed.
 */
function openApiModule(document: string): string {
  const text = JSON.stringify(JSON.stringify(JSON.parse(document)));
  return `// Made from docs/openapi.json by \`npm run generate\`.\nexport const openApi: string =\n  ${text};\n`;
}

/** A deployed function must know which migrations its database needs, but cannot read the folder. */
function migrationList(): string {
  const names = isReleased() ? migrationNames() : [...new Set([baselineName, ...migrationNames()])];
  const lines = names.map((name) => `  "${name.slice(0, 14)}",\n`).join("");
  return `// The files of supabase/migrations, by \`npm run generate\`.\nexport const migrations: readonly string[] = [\n${lines}];\n`;
}

/**
 * The types of the SDK: requests and successful answers. All errors have one shape. A request may omit a field with a default.
 */
async function wireTypes(document: OpenAPI3): Promise<string> {
  for (const operation of Object.values(document.paths ?? {}).flatMap((path) => Object.values(path))) {
    for (const [status, answer] of Object.entries(operation.responses)) {
      if (Number(status) >= 400) delete operation.responses[status];
      else delete (answer as { headers?: object }).headers;
    }
  }
  const { responses: _, headers: __, ...components } = document.components ?? {};
  const slim = { ...document, components };
  const types = await openapiTypes(slim, { defaultNonNullable: false, alphabetize: false });
  return `// Made from docs/openapi.json by \`npm run generate\`.\n${astToString(types)}`;
}
