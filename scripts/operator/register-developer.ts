import { randomBytes } from "node:crypto";
import { ask } from "../doctor/target.ts";
import { appEnv } from "../local/banner.ts";
import { Problem } from "../local/problem.ts";

/** The base address of clients: hosted functions are below /functions/v1, any other address is used unchanged. */
export function baseOf(url: string): string {
  const address = URL.parse(url);
  if (address === null || !/^https?:$/.test(address.protocol))
    throw new Problem(`--url ${url} is not an address such as https://<ref>.supabase.co.`);
  const base = `${address.origin}${address.pathname}`.replace(/\/+$/, "").replace(/\/api\/v1$/, "");
  return /^[a-z]{20}\.supabase\.co$/.test(address.host) && address.pathname === "/"
    ? `${base}/functions/v1`
    : base;
}

/**
 * Registers a developer with the operator's key.
 * @returns the lines of an app's `.env`. The account has no usable password until a reset mail sets one.
 */
export async function registerDeveloper(
  url: string,
  operatorKey: string | undefined,
  email: string,
  fullName: string | undefined,
): Promise<string[]> {
  if (!operatorKey)
    throw new Problem(
      "Set CLOUD_API_OPERATOR_KEY to the key of an operator: `npm run operator -- create <email>` makes one.",
    );
  const base = baseOf(url);
  const password = `${randomBytes(24).toString("base64url")}aA1`;
  const { status, body, reason } = await ask(`${base}/api/v1/auth/register`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Operator-Key": operatorKey },
    body: JSON.stringify({ email, full_name: fullName, password }),
    signal: AbortSignal.timeout(30_000),
  });
  if (status === 0) throw new Problem(`${base}: ${reason}.`);
  if (body.provisioning === undefined)
    throw new Problem(
      `${base} refused it (${status} ${body.code ?? ""}): ${body.detail ?? "this is not a Cloud API"}`,
    );
  const { developer_key, project_id, api_key } = body.provisioning;
  return appEnv({ urls: { gateway: base }, credentials: { developer_key, project_id, api_key } });
}
