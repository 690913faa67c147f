import type { Tokens } from "../../../clients/auth.ts";
import type { Claims } from "../../../clients/token-verifier.ts";
import type { Deps } from "../../../context.ts";
import { claimsOf } from "./claims-of.ts";
import { spellingsOf } from "./spellings-of.ts";

type SignedIn = { issued: Tokens; claims: Claims; password: string };

/**
 * Tries a password in the forms that Auth may have stored. An impossible password takes as long as a wrong one.
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
