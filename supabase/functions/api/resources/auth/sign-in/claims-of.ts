import type { Tokens } from "../../../clients/auth.ts";
import type { Claims } from "../../../clients/token-verifier.ts";
import type { Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";

/** What Auth issued must verify: where it does not, our settings are wrong and not the person. */
export async function claimsOf({ tokens }: Deps, issued: Tokens): Promise<Claims> {
  try {
    return await tokens.verify(issued.access_token);
  } catch (error) {
    const isRefused = error instanceof ApiError && error.code === "invalid_token";
    throw isRefused ? new ApiError("auth_error", { cause: error }) : error;
  }
}
