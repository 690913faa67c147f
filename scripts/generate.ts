// Writes the generated files. Do not edit them by hand; `npm run check` fails if one is stale. After a release, the
// difference between supabase/schemas and the migrations becomes a new migration, which a person reviews and commits.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generated } from "./generate/generated-files.ts";
import { runMain } from "./local/command-line.ts";
import { repositoryRoot } from "./local/settings.ts";
import { isReleased, migrationsFolder } from "./schema/baseline.ts";
import { nextMigration } from "./schema/next-migration.ts";

await runMain(async () => {
  const next = isReleased() ? await nextMigration() : undefined;
  if (next !== undefined) {
    writeFileSync(join(migrationsFolder, next.name), next.text);
    console.log(`wrote supabase/migrations/${next.name}: read it before you commit it`);
  }
  for (const [path, content] of await generated()) {
    mkdirSync(dirname(join(repositoryRoot, path)), { recursive: true });
    writeFileSync(join(repositoryRoot, path), content);
    console.log(`wrote ${path}`);
  }
}, "The files could not be generated");
