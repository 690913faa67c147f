import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { ErrorCode } from "../../errors.ts";
import type { NewKey } from "../keys/key-format.ts";
import type { Session, User } from "./schemas.ts";

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

/** Counts a login or registration, whatever comes of it. */
export const countAuthCall = (db: Database, credentials: Credentials) =>
  db.read<null>("announce_auth_limit", [credentials]);

export const beginRegistration = (db: Database, credentials: Credentials, email: string) =>
  db.write<{ role: "developer" | "end_user"; project_id: string | null }>("begin_registration", [
    credentials,
    email,
  ]);

export const createAccount = (db: Database, credentials: Credentials, account: NewAccount) =>
  db.write<CreatedAccount>("create_account", [credentials, account]);

/** `auth_email` is a decoy's for an unknown account, so that both cost Auth the same. */
export const beginLogin = (db: Database, credentials: Credentials, email: string, ip: string | null) =>
  db.write<{ auth_email: string; is_known: boolean; decoy_exists: boolean }>("begin_login", [
    credentials,
    email,
    ip,
  ]);

/** Takes the try of a password back; `email` is null for the caller's own. */
export const uncountSignIn = (
  db: Database,
  credentials: Credentials,
  email: string | null,
  ip: string | null,
) => db.write<null>("uncount_sign_in", [credentials, email, ip]);

export const openSession = (
  db: Database,
  userId: string,
  sessionId: string,
  device: Device & { signed_in: boolean },
) => db.write<{ refusal: ErrorCode | null }>("open_session", [userId, sessionId, device]);

export const getMe = (db: Database, credentials: Credentials) => db.read<User>("get_me", [credentials]);

export const updateMe = (db: Database, credentials: Credentials, changes: { full_name?: string | null }) =>
  db.write<User>("update_me", [credentials, changes]);

/** Counts a try of the caller's own password. */
export const beginPasswordCheck = (db: Database, credentials: Credentials, ip: string | null) =>
  db.write<{ auth_email: string }>("begin_password_check", [credentials, ip]);

/** The password was right. `permit` announces that it will be changed now. */
export const finishPasswordCheck = (
  db: Database,
  credentials: Credentials,
  proofSessionId: string,
  ip: string | null,
  permit: boolean,
) => db.write<null>("finish_password_check", [credentials, proofSessionId, ip, permit]);

export const listSessions = (db: Database, credentials: Credentials) =>
  db.read<Session[]>("list_sessions", [credentials]);

export const revokeSession = (db: Database, credentials: Credentials, id: string) =>
  db.write<null>("revoke_session", [credentials, id]);

export const logOut = (db: Database, credentials: Credentials, scope: "local" | "others" | "global") =>
  db.write<null>("log_out", [credentials, scope]);

export const endReusedSession = (db: Database, refreshToken: string) =>
  db.write<boolean>("end_reused_session", [refreshToken]);

/** Ids of Auth's users without an account. */
export const listOrphans = (db: Database, batchSize: number) =>
  db.read<string[]>("list_orphans", [batchSize]);

export const requestVerification = (
  db: Database,
  credentials: Credentials,
  userId: string | null,
  ip: string | null,
) => db.write<null>("request_verification", [credentials, userId, ip]);

export const requestPasswordReset = (
  db: Database,
  credentials: Credentials,
  email: string,
  ip: string | null,
) => db.write<null>("request_password_reset", [credentials, email, ip]);

/** `digest` is SHA-256 of the token as hex. False when somebody else is using it, or has. */
export const claimToken = (db: Database, digest: string) => db.write<boolean>("claim_token", [digest]);

export const releaseToken = (db: Database, digest: string) => db.write<null>("release_token", [digest]);

/** Counts a try of a six-digit code. An unknown account gets an address at which every code is wrong. */
export const beginCode = (db: Database, userId: string, ip: string | null) =>
  db.write<{ auth_email: string }>("begin_code", [userId, ip]);

/** Takes the try of a code back. */
export const uncountCode = (db: Database, userId: string, ip: string | null) =>
  db.write<null>("uncount_code", [userId, ip]);

export const finishVerification = (
  db: Database,
  userId: string,
  sessionId: string,
  expected: string | null,
) => db.write<{ email: string }>("finish_verification", [userId, sessionId, expected]);

export const beginPasswordReset = (db: Database, userId: string, sessionId: string) =>
  db.write<null>("begin_password_reset", [userId, sessionId]);
