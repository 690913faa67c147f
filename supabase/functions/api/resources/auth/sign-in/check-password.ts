import type { Context } from "hono";
import type { AppEnv } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { deviceOf } from "../../../middleware/device-of.ts";
import { beginPasswordCheck, finishPasswordCheck, uncountSignIn } from "../store.ts";
import { ifAnswered } from "./if-answered.ts";
import { tryPassword } from "./try-password.ts";

/**
 * Checks the caller's password again. With `permit` the password may be changed afterwards.
 * @returns the password in the form that Auth has stored
 * @throws ApiError wrong_password, attempts_exceeded, not_authenticated, password_change_running
 */
export async function checkPassword(c: Context<AppEnv>, password: string, permit: boolean): Promise<string> {
  const deps = c.get("deps");
  const { ip } = deviceOf(c);
  const { auth_email } = await beginPasswordCheck(...c.get("caller"), ip);
  const proof = await ifAnswered(deps, tryPassword(deps, auth_email, password), () =>
    uncountSignIn(...c.get("caller"), null, ip),
  );
  if (proof === null) throw new ApiError("wrong_password");
  const session = proof.claims.session_id;
  const { refusal } = await finishPasswordCheck(...c.get("caller"), session, ip, permit);
  if (refusal !== null) throw new ApiError(refusal);
  return proof.password;
}
