import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";

/** The ids of the models. They always include the defaults. */
export const listModels = (db: Database, credentials: Credentials, defaults: string[]) =>
  db.read<string[]>("list_models", [credentials, defaults]);
