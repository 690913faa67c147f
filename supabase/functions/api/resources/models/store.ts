import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";

/** Ids. The defaults are always among them. */
export const listModels = (db: Database, credentials: Credentials, defaults: string[]) =>
  db.read<string[]>("list_models", [credentials, defaults]);
