import type { Database } from "../../clients/database.ts";
import type { HotRead } from "../../clients/hot-reads.ts";
import type { Credentials, Device } from "../../context.ts";
import type { ErrorCode } from "../../errors.ts";
import type { NewKey } from "../../key.ts";
import type { User } from "../users/schemas.ts";
import type { FoundToken } from "./schemas.ts";

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

/** `auth_email` is the address by which Auth will know the account. */
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

export const ownAccount: HotRead = {
  name: "own_account",
  limit: "reads",
  needsKeys: false,
  isShort: true,
  query: "select v.item as result from private.own_accounts v where v.id = caller.user_id",
};

/** A User as JSON, as it goes over the wire. */
export const getMe = (db: Database, credentials: Credentials) =>
  db.readHot(ownAccount, [], credentials, async () =>
    JSON.stringify(await db.read<User>("get_me", [credentials])),
  );

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

/** Both null is the caller's own account. */
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
/** `change`: Auth has to change the address before it counts. */
type Verified =
  | Refusal
  | { email: string }
  | { change: { user_id: string; email: string; auth_email: string } };

/** What a token is for and whether it still works; it is not used up. `digest` is its SHA-256 as hex. */
export const checkMailToken = (db: Database, digest: string, ip: string | null) =>
  db.write<Refusal | FoundToken>("check_mail_token", [digest, ip]);

/** `expected` is the account that the caller named. */
export const useVerificationToken = (
  db: Database,
  digest: string,
  expected: string | null,
  ip: string | null,
) => db.write<Verified>("use_verification_token", [digest, expected, ip]);

export const useVerificationCode = (db: Database, userId: string, digest: string, ip: string | null) =>
  db.write<Verified>("use_verification_code", [userId, digest, ip]);

/** Lets the password of the token's account be set once, now. */
export const beginPasswordReset = (db: Database, digest: string, ip: string | null) =>
  db.write<Refusal | { user_id: string }>("begin_password_reset", [digest, ip]);

/** The password was not set: the token works again. */
export const abandonPasswordReset = (db: Database, digest: string) =>
  db.write<null>("abandon_password_reset", [digest]);

/** The caller's password was not changed after all. */
export const withdrawPasswordPermit = (db: Database, credentials: Credentials) =>
  db.write<null>("withdraw_password_permit", [credentials]);

export const requestEmailChange = (db: Database, credentials: Credentials, email: string) =>
  db.write<null>("request_email_change", [credentials, email]);

/** The address was not changed: the token works again. */
export const abandonEmailChange = (db: Database, userId: string) =>
  db.write<null>("abandon_email_change", [userId]);
