import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";

type Operation = { operationId: string; responses: Record<string, unknown> };

/**
 * The answers of docs/openapi.json that no test received. `seen` is the folder that the suites wrote `<operation> <status>`
 * lines to.
 */
export function unseenAnswers(seen: string): { documented: number; unseen: string[] } {
  const { paths } = JSON.parse(readFileSync(join(repositoryRoot, "docs/openapi.json"), "utf8")) as {
    paths: Record<string, Record<string, Operation>>;
  };
  const lines = new Set(
    readdirSync(seen).flatMap((file) => readFileSync(join(seen, file), "utf8").split("\n")),
  );
  const documented = Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ operationId, responses }) =>
      Object.keys(responses).map((status) => `${operationId} ${status}`),
    );
  return { documented: documented.length, unseen: documented.filter((line) => !lines.has(line)) };
}
