import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Plan } from "./schemas.ts";

export const listPlans = (db: Database, credentials: Credentials) =>
  db.read<Plan[]>("list_plans", [credentials]);
