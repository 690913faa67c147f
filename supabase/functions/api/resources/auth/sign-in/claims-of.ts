import type { Tokens } from "../../../clients/auth.ts";
import type { Claims } from "../../../clients/token-verifier.ts";
import type { Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";

/** Verifies a token that Auth has just issued. A failure means that our settings are wrong, not the user. */
export async function claimsOf({ tokens }: Deps, issued: Tokens): Promise<Claims> {
  try {
    return await tokens.verify(issued.access_token);
  } catch (error) {
    const isRefused = error instanceof ApiError && error.code === "invalid_token";
    throw isRefused ? new ApiError("auth_error", { cause: error }) : error;
  }
}
