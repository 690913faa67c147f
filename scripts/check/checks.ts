import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkClient } from "../build-client/client-package.ts";
import { completeLockfile } from "../complete-lockfile.ts";
import { generated } from "../generate/generated-files.ts";
import { runCommand } from "../local/run-command.ts";
import { inScratch } from "../local/scratch.ts";
import { repositoryRoot } from "../local/settings.ts";
import { lintOpenApi } from "./lint-openapi.ts";

/** The problem, if there is one, and a note for the reader. */
type Verdict = { problem?: string; note?: string };
type Check = () => Promise<Verdict>;

const functions = ["api", "generation", "health"].map((name) => `supabase/functions/${name}/index.ts`);

const command =
  (name: string, ...args: string[]): Check =>
  async () => {
    const { code, output } = await runCommand(name, args);
    return code === 0 ? {} : { problem: output || `It ended with ${code}.` };
  };
const deno = (folder: string) =>
  command(join(repositoryRoot, "node_modules", folder, "bin.cjs"), "check", ...functions);
/** The native compiler; `typescript` is for the packages that call a compiler's API. One thread costs the least CPU. */
const tsc = (project: string, ...args: string[]) =>
  command(
    join(repositoryRoot, "node_modules/typescript-native/bin/tsc"),
    ...["-p", project, "--singleThreaded", ...args],
  );

export const checks: Record<string, Check> = {
  "format and lint": command("biome", "check", "--error-on-warnings", "."),
  "types (tsc)": tsc(".", "--incremental", "--tsBuildInfoFile", ".local/types.tsbuildinfo"),
  "types (Deno, local)": deno("deno"),
  // The version that hosted Supabase is compatible with.
  "types (Deno, hosted)": deno("deno-hosted"),
  // Uses only the types of the web, so that the SDK cannot use a type of Node.
  "types (SDK)": tsc("packages/client"),
  async "generated files"() {
    const current = (path: string) =>
      existsSync(join(repositoryRoot, path)) ? readFileSync(join(repositoryRoot, path), "utf8") : undefined;
    const stale = (await generated()).filter(([path, content]) => current(path) !== content);
    return unless(
      stale.map(([path]) => path),
      "differs from its sources: run `npm run generate` and commit the result",
    );
  },
  async "OpenAPI document (Redocly)"() {
    return { problem: (await lintOpenApi()).join("\n") };
  },
  async "SDK package"() {
    return { note: (await inScratch(checkClient)).line };
  },
  async lockfile() {
    const fix = "not in the lockfile: run `node scripts/bootstrap.mjs scripts/complete-lockfile.ts`";
    return unless(completeLockfile().missing, fix);
  },
  /** A Go module, so it runs only where Go is installed. */
  "workflows (actionlint)": () =>
    command("go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12")().catch(() => ({
      note: "not checked: Go is not installed",
    })),
  "unused code": command("knip"),
};

const unless = (names: string[], wrong: string): Verdict =>
  names.length === 0 ? {} : { problem: `${names.join(", ")}: ${wrong}.` };
