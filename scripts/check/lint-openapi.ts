import { join } from "node:path";
import { createConfig, lint } from "@redocly/openapi-core";
import { repositoryRoot } from "../local/settings.ts";

/** Redocly's recommended rules and some optional ones, all as errors. */
const rules = {
  "operation-description": "error",
  "parameter-description": "error",
  "tag-description": "error",
  "no-invalid-parameter-examples": "error",
  "operation-singular-tag": "error",
  "path-not-include-query": "error",
  "response-contains-header": {
    severity: "error",
    names: { "2XX": ["X-Request-Id"], "4XX": ["X-Request-Id"] },
  },
} as const;

/** Health requests cannot be invalid, pictures are always redirects, and payments are always refused. */
const exceptions = [
  /^#\/paths\/\S*health\S*\/get\/responses .*\(operation-4xx-response\)$/,
  /^#\/paths\/\S*(image|examples\S*)\/get\/responses .*\(operation-2xx-response\)$/,
  /^#\/paths\/\S*payments\S*\/post\/responses .*\(operation-[24]xx-response\)$/,
];

/** One line for each problem in docs/openapi.json. */
export async function lintOpenApi(): Promise<string[]> {
  const config = await createConfig({ extends: ["recommended-strict"], rules });
  const problems = await lint({ ref: join(repositoryRoot, "docs/openapi.json"), config });
  return problems
    .map(({ ruleId, message, location }) => `${location[0]?.pointer ?? "#/"} ${message} (${ruleId})`)
    .filter((line) => !exceptions.some((exception) => exception.test(line)));
}
