import { migrations } from "../../supabase/functions/api/migrations.gen.ts";
import { type Check, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";

/** The database has the migrations of this checkout, and none that is newer. */
export const checkMigrations: Check = async ({ kind, health }) => {
  const { service } = (await health()).body;
  if (service === undefined) return [];
  const { applied, missing, unknown } = service.migrations as {
    applied: number;
    missing: string[];
    unknown: string[];
  };
  if (missing.length > 0)
    return [
      fail("migrations", `${missing.length} not applied, the first is ${missing[0]}`, fixes.schema[kind]),
    ];
  if (unknown.length > 0)
    return [
      warn(
        "migrations",
        `${unknown.length} are newer than the function`,
        "bring the functions to that version: git pull, then deploy them",
      ),
    ];
  // An older function does not know the newest migrations of this checkout.
  if (service.migrations.expected < migrations.length)
    return [
      warn(
        "migrations",
        "the function is older than this checkout",
        `${fixes.functions[kind]}, then look again`,
      ),
    ];
  return [ok("migrations", `all ${applied} applied`)];
};
