import type { Context } from "hono";
import type { Tokens as AuthTokens } from "../../../clients/auth.ts";
import type { AppEnv } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { deviceOf } from "../../../middleware/device-of.ts";
import type { Tokens } from "../schemas.ts";
import { type Opening, openSession } from "../store.ts";
import { claimsOf } from "./claims-of.ts";

/**
 * Allows newly issued tokens, if their account may sign in.
 * @throws ApiError invalid_credentials when the password was changed meanwhile, account_deactivated, account_not_verified,
 *   project_inactive, invalid_token
 */
export async function openTokens(c: Context<AppEnv>, issued: AuthTokens, how: Opening): Promise<Tokens> {
  const deps = c.get("deps");
  const claims = await claimsOf(deps, issued);
  const { refusal } = await openSession(deps.database, claims.user_id, claims.session_id, {
    ...deviceOf(c),
    ...how,
  });
  if (refusal !== null) throw new ApiError(refusal);
  return { ...issued, token_type: "bearer" };
}
