import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { StoredKey } from "../../key.ts";
import type { DeveloperKey } from "./schemas.ts";

type NewDeveloperKey = StoredKey & { name: string | null; expires_at: string | null; management: boolean };

export const listDeveloperKeys = (db: Database, credentials: Credentials) =>
  db.read<DeveloperKey[]>("list_developer_keys", [credentials]);

export const createDeveloperKey = (db: Database, credentials: Credentials, key: NewDeveloperKey) =>
  db.write<DeveloperKey>("create_developer_key", [credentials, key]);

export const rotateDeveloperKey = (
  db: Database,
  credentials: Credentials,
  id: string,
  replacement: StoredKey,
  graceSeconds: number,
) => db.write<DeveloperKey>("rotate_developer_key", [credentials, id, replacement, graceSeconds]);

export const revokeDeveloperKey = (db: Database, credentials: Credentials, id: string) =>
  db.write<null>("revoke_developer_key", [credentials, id]);
