import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Session } from "./schemas.ts";

export const listSessions = (db: Database, credentials: Credentials) =>
  db.read<Session[]>("list_sessions", [credentials]);

export const revokeSession = (db: Database, credentials: Credentials, id: string) =>
  db.write<null>("revoke_session", [credentials, id]);
