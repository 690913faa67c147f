import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { ApiKey } from "./schemas.ts";

type NewApiKey = { name: string | null; expires_at: string | null; key_prefix: string; key_hash: string };

export const createApiKey = (db: Database, credentials: Credentials, projectId: string, key: NewApiKey) =>
  db.call<ApiKey>("create_api_key", [credentials, projectId, key]);

export const listApiKeys = (db: Database, credentials: Credentials, projectId: string) =>
  db.call<ApiKey[]>("list_api_keys", [credentials, projectId]);
