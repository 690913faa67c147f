import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { ErrorCode } from "../../errors.ts";
import type { NewKey } from "../keys/key-format.ts";
import type { User } from "./schemas.ts";

export type Device = { ip: string | null; user_agent: string | null };
type Secret = Pick<NewKey, "key_prefix" | "key_hash">;
type NewAccount = {
  id: string;
  email: string;
  full_name: string | null;
  developer_key: Secret;
  api_key: Secret;
};
type CreatedAccount = User & { provisioned_project_id: string | null; needs_verification: boolean };

export const beginRegistration = (db: Database, credentials: Credentials, email: string) =>
  db.call<{ role: "developer" | "end_user"; project_id: string | null }>("begin_registration", [
    credentials,
    email,
  ]);

export const createAccount = (db: Database, credentials: Credentials, account: NewAccount) =>
  db.call<CreatedAccount>("create_account", [credentials, account]);

export const beginLogin = (db: Database, credentials: Credentials, email: string) =>
  db.call<{ auth_email: string | null }>("begin_login", [credentials, email]);

export const openSession = (db: Database, userId: string, sessionId: string, device: Device) =>
  db.call<{ refusal: ErrorCode | null }>("open_session", [userId, sessionId, device]);

export const getMe = (db: Database, credentials: Credentials) => db.call<User>("get_me", [credentials]);
