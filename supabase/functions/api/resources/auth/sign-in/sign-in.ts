import type { Context } from "hono";
import type { Tokens as AuthTokens } from "../../../clients/auth.ts";
import type { Claims } from "../../../clients/tokens.ts";
import type { AppEnv, Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { deviceOf } from "../../../middleware/device-of.ts";
import type { Tokens } from "../schemas.ts";
import { beginPasswordCheck, finishPasswordCheck, openSession, uncountSignIn } from "../store.ts";
import { spellingsOf } from "./passwords.ts";

/** What Auth issued must verify: where it does not, our settings are wrong and not the person. */
async function claimsOf({ tokens }: Deps, issued: AuthTokens): Promise<Claims> {
  try {
    return await tokens.verify(issued.access_token);
  } catch (error) {
    const isRefused = error instanceof ApiError && error.code === "invalid_token";
    throw isRefused ? new ApiError("auth_error", { cause: error }) : error;
  }
}

/**
 * Lets freshly issued tokens be used, if their account may sign in.
 * @throws ApiError account_deactivated, account_not_verified, project_inactive, invalid_token
 */
export async function openTokens(
  c: Context<AppEnv>,
  issued: AuthTokens,
  how: "signed_in" | "refreshed" = "signed_in",
): Promise<Tokens> {
  const deps = c.get("deps");
  const claims = await claimsOf(deps, issued);
  const device = { ...deviceOf(c), signed_in: how === "signed_in" };
  const { refusal } = await openSession(deps.database, claims.user_id, claims.session_id, device);
  if (refusal !== null) throw new ApiError(refusal);
  return { ...issued, token_type: "bearer" };
}

/**
 * What Auth says of a password or a code that was counted as an attempt. Where it says nothing the attempt is taken back: an
 * outage must use up nobody's, and whoever guesses learns nothing from it.
 */
export async function ifAnswered<T>(
  { log }: Deps,
  asked: Promise<T>,
  takeBack: () => Promise<unknown>,
): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    await takeBack().catch((cause) => log("warn", "an attempt without an answer stays counted", { cause }));
    throw error;
  }
}

type SignedIn = { issued: AuthTokens; claims: Claims; password: string };

/**
 * Tries a password as Auth may have stored it. A password that no account can have takes as long as a wrong one.
 * @returns null when it is wrong @throws ApiError auth_unavailable, auth_error, rate_limited, account_not_verified
 */
export async function tryPassword(
  deps: Deps,
  email: string,
  password: string,
  subject = email,
): Promise<SignedIn | null> {
  for (const spelling of spellingsOf(password)) {
    const issued = await deps.auth.signIn(email, spelling, subject);
    if (issued !== null) return { issued, claims: await claimsOf(deps, issued), password: spelling };
  }
  return null;
}

/**
 * Lets the caller prove the password once more. With `permit`, the password may be changed right after.
 * @returns the password as Auth knows it
 * @throws ApiError wrong_password, attempts_exceeded, not_authenticated, password_change_running
 */
export async function checkPassword(c: Context<AppEnv>, password: string, permit: boolean): Promise<string> {
  const deps = c.get("deps");
  const { database } = deps;
  const { ip } = deviceOf(c);
  const { auth_email } = await beginPasswordCheck(database, c.get("credentials"), ip);
  const proof = await ifAnswered(deps, tryPassword(deps, auth_email, password), () =>
    uncountSignIn(database, c.get("credentials"), null, ip),
  );
  if (proof === null) throw new ApiError("wrong_password");
  const session = proof.claims.session_id;
  const { refusal } = await finishPasswordCheck(database, c.get("credentials"), session, ip, permit);
  if (refusal !== null) throw new ApiError(refusal);
  return proof.password;
}
