import type { Database } from "../../clients/database.ts";
import type { HotRead } from "../../clients/hot-reads.ts";
import type { Credentials, Device } from "../../context.ts";
import type { ErrorCode } from "../../errors.ts";
import type { StoredKey } from "../../key.ts";
import type { User } from "../users/schemas.ts";
import type { FoundToken } from "./schemas.ts";

type NewAccount = {
  id: string;
  email: string;
  full_name: string | null;
  developer_key: StoredKey;
  api_key: StoredKey;
};
type CreatedAccount = User & { provisioned_project_id: string | null; needs_verification: boolean };

/** Counts a login or registration, whatever its outcome. */
export const countAuthCall = (db: Database, credentials: Credentials) =>
  db.read<null>("announce_auth_limit", [credentials]);

/** `auth_email` is the account's address at Auth. */
export const beginRegistration = (
  db: Database,
  credentials: Credentials,
  account: { id: string; email: string },
) =>
  db.write<{ role: "developer" | "end_user"; auth_email: string }>("begin_registration", [
    credentials,
    account,
  ]);

export const createAccount = (db: Database, credentials: Credentials, account: NewAccount) =>
  db.write<CreatedAccount>("create_account", [credentials, account]);

/** For an unknown account `auth_email` is a decoy's, so that both cost Auth the same time. */
export const beginLogin = (db: Database, credentials: Credentials, email: string, ip: string | null) =>
  db.write<{
    auth_email: string;
    is_known: boolean;
    decoy_exists: boolean;
    password_changed_at: string | null;
  }>("begin_login", [credentials, email, ip]);

/** Uncounts an attempt. `email` is null for the caller's own password. */
export const uncountSignIn = (
  db: Database,
  credentials: Credentials,
  email: string | null,
  ip: string | null,
) => db.write<null>("uncount_sign_in", [credentials, email, ip]);

/** A sign-in names the last change of the password that it has seen, since a later one makes it void. */
export type Opening = { signed_in: true; password_changed_at: string | null } | { signed_in: false };

export const openSession = (db: Database, userId: string, sessionId: string, device: Device & Opening) =>
  db.write<{ refusal: ErrorCode | null }>("open_session", [userId, sessionId, device]);

export const ownAccount: HotRead = {
  name: "own_account",
  limit: "reads",
  needsKeys: false,
  isShort: true,
  query: "select v.item as result from private.own_accounts v where v.id = caller.user_id",
};

/** A User as JSON text in the form of the API. */
export const getMe = (db: Database, credentials: Credentials) =>
  db.readHot(ownAccount, [], credentials, async () =>
    JSON.stringify(await db.read<User>("get_me", [credentials])),
  );

export const updateMe = (db: Database, credentials: Credentials, changes: { full_name?: string | null }) =>
  db.write<User>("update_me", [credentials, changes]);

/** Counts an attempt at the caller's own password. */
export const beginPasswordCheck = (db: Database, credentials: Credentials, ip: string | null) =>
  db.write<{ auth_email: string }>("begin_password_check", [credentials, ip]);

/** Records that the password was right. `permit` announces its change. */
export const finishPasswordCheck = (
  db: Database,
  credentials: Credentials,
  proofSessionId: string,
  ip: string | null,
  permit: boolean,
) =>
  db.write<{ refusal: "password_change_running" | null }>("finish_password_check", [
    credentials,
    proofSessionId,
    ip,
    permit,
  ]);

export const logOut = (db: Database, credentials: Credentials, scope: "local" | "others" | "global") =>
  db.write<null>("log_out", [credentials, scope]);

export const endReusedSession = (db: Database, refreshToken: string) =>
  db.write<boolean>("end_reused_session", [refreshToken]);

/** If both are null, it is the caller's own account. */
type Named = { user_id: string | null; email: string | null };

export const requestVerification = (
  db: Database,
  credentials: Credentials,
  named: Named,
  ip: string | null,
) => db.write<null>("request_verification", [credentials, named, ip]);

export const requestPasswordReset = (
  db: Database,
  credentials: Credentials,
  email: string,
  ip: string | null,
) => db.write<null>("request_password_reset", [credentials, email, ip]);

type Refusal = { refusal: ErrorCode };
/** `change` means that Auth must change the address first. */
type Verified =
  | Refusal
  | { email: string }
  | { change: { user_id: string; email: string; auth_email: string } };

/** The purpose of a token and whether it is valid, without using it. `digest` is its SHA-256 in hex. */
export const checkMailToken = (db: Database, digest: string, ip: string | null) =>
  db.write<Refusal | FoundToken>("check_mail_token", [digest, ip]);

/** `expected` is the account that the caller has named. */
export const useVerificationToken = (
  db: Database,
  digest: string,
  expected: string | null,
  ip: string | null,
) => db.write<Verified>("use_verification_token", [digest, expected, ip]);

export const useVerificationCode = (db: Database, userId: string, digest: string, ip: string | null) =>
  db.write<Verified>("use_verification_code", [userId, digest, ip]);

/** Allows one change of the password of the token's account. */
export const beginPasswordReset = (db: Database, digest: string, ip: string | null) =>
  db.write<Refusal | { user_id: string }>("begin_password_reset", [digest, ip]);

/** Makes the token valid again after the password was not set. */
export const abandonPasswordReset = (db: Database, digest: string) =>
  db.write<null>("abandon_password_reset", [digest]);

/** Withdraws the permit after the caller's password was not changed. */
export const withdrawPasswordPermit = (db: Database, credentials: Credentials) =>
  db.write<null>("withdraw_password_permit", [credentials]);

export const requestEmailChange = (db: Database, credentials: Credentials, email: string) =>
  db.write<null>("request_email_change", [credentials, email]);

/** Makes the token valid again after the address was not changed. */
export const abandonEmailChange = (db: Database, userId: string) =>
  db.write<null>("abandon_email_change", [userId]);
