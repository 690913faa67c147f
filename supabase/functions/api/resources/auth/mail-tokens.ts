import { createHash } from "node:crypto";
import type { Context } from "hono";
import type { TokenKind } from "../../clients/auth.ts";
import type { Claims } from "../../clients/tokens.ts";
import type { AppEnv } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { claimToken, releaseToken } from "./store.ts";

const refusals = { magiclink: "verification_token_invalid", recovery: "reset_token_invalid" } as const;

/**
 * Consumes the token of a mail, once, however many requests bring it at the same time.
 * @returns whose it was, and the session that Auth opened for it; the caller ends that session.
 * @throws ApiError verification_token_invalid, reset_token_invalid
 */
export async function useMailToken(c: Context<AppEnv>, token: string, type: TokenKind): Promise<Claims> {
  const { auth, database, tokens } = c.get("deps");
  const digest = createHash("sha256").update(token).digest("hex");
  if (!(await claimToken(database, digest))) throw new ApiError(refusals[type]);
  const proof = await auth.useMailToken({ token_hash: token, type }).catch(async (error) => {
    await releaseToken(database, digest);
    throw error;
  });
  if (proof === null) {
    await releaseToken(database, digest);
    throw new ApiError(refusals[type]);
  }
  return tokens.verify(proof.access_token);
}
