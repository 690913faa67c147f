import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { StoredKey } from "../../key.ts";
import type { ApiKey, DayOfUse, RotatedApiKey } from "./schemas.ts";

type NewApiKey = StoredKey & { name: string | null; expires_at: string | null };

export const createApiKey = (db: Database, credentials: Credentials, projectId: string, key: NewApiKey) =>
  db.write<ApiKey>("create_api_key", [credentials, projectId, key]);

export const listApiKeys = (db: Database, credentials: Credentials, projectId: string) =>
  db.read<ApiKey[]>("list_api_keys", [credentials, projectId]);

export const revokeApiKey = (db: Database, credentials: Credentials, projectId: string, keyId: string) =>
  db.write<null>("revoke_api_key", [credentials, projectId, keyId]);

export const rotateApiKey = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  keyId: string,
  key: StoredKey,
  graceSeconds: number,
) => db.write<RotatedApiKey>("rotate_api_key", [credentials, projectId, keyId, key, graceSeconds]);

export const getApiKeyUsage = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  keyId: string,
  days: number,
) => db.read<DayOfUse[]>("get_api_key_usage", [credentials, projectId, keyId, days]);
