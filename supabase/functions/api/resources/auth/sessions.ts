import type { Context } from "hono";
import { clientAddress } from "../../client-address.ts";
import type { Tokens as AuthTokens } from "../../clients/auth.ts";
import type { AppEnv, Deps } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import type { Tokens } from "./schemas.ts";
import { beginPasswordCheck, type Device, finishPasswordCheck, openSession, uncountSignIn } from "./store.ts";

export function deviceOf(c: Context<AppEnv>): Device {
  const { env } = c.get("deps");
  const ip = clientAddress(
    c.req.header("x-forwarded-for") ?? null,
    env.trusted_proxy_hops,
    c.env?.remoteAddress,
  );
  return { ip: ip ?? null, user_agent: c.req.header("user-agent")?.slice(0, 500) ?? null };
}

/**
 * Lets freshly issued tokens be used, if their account may sign in.
 * @throws ApiError account_deactivated, account_not_verified, project_inactive, invalid_token; the session is gone then.
 */
export async function openTokens(
  c: Context<AppEnv>,
  issued: AuthTokens,
  how: "signed_in" | "refreshed" = "signed_in",
): Promise<Tokens> {
  const { database, tokens } = c.get("deps");
  const claims = await tokens.verify(issued.access_token);
  const device = { ...deviceOf(c), signed_in: how === "signed_in" };
  const { refusal } = await openSession(database, claims.user_id, claims.session_id, device);
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

/**
 * Lets the caller prove the password once more. With `permit`, the password may be changed right after.
 * @throws ApiError wrong_password, attempts_exceeded, not_authenticated
 */
export async function checkPassword(c: Context<AppEnv>, password: string, permit: boolean): Promise<void> {
  const deps = c.get("deps");
  const { auth, database, tokens } = deps;
  const { ip } = deviceOf(c);
  const { auth_email } = await beginPasswordCheck(database, c.get("credentials"), ip);
  const proof = await ifAnswered(deps, auth.signIn(auth_email, password, ip ?? undefined), () =>
    uncountSignIn(database, c.get("credentials"), null, ip),
  );
  if (proof === null) throw new ApiError("wrong_password");
  const { session_id } = await tokens.verify(proof.access_token);
  await finishPasswordCheck(database, c.get("credentials"), session_id, ip, permit);
}
