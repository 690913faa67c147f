import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from "jose";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";

export type Claims = { user_id: string; session_id: string };

/** Verifies access tokens of Supabase Auth. */
export type TokenVerifier = {
  /** @throws ApiError invalid_token for anything but a valid token of a signed-in user. */
  verify(token: string): Promise<Claims>;
};

const cacheSize = 5_000;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createTokenVerifier(env: Env): TokenVerifier {
  const secret = env.jwt_secret === undefined ? undefined : new TextEncoder().encode(env.jwt_secret);
  const publicKeys: JWTVerifyGetKey =
    env.jwks === undefined
      ? createRemoteJWKSet(new URL(`${env.supabase_url}/auth/v1/.well-known/jwks.json`), {
          timeoutDuration: 2_000,
        })
      : createLocalJWKSet(JSON.parse(env.jwks));
  // A verified token stays good until it expires; whether its session still exists is asked on every request anyway.
  const verified = new Map<string, Claims & { expires_at: number }>();

  async function check(token: string): Promise<JWTPayload> {
    const { alg } = decodeProtectedHeader(token);
    const options = { audience: "authenticated", requiredClaims: ["sub", "exp", "session_id"] };
    // The key is chosen by the algorithm, never the other way round: a public key must not verify an HS256 token.
    if (alg === "HS256" && secret !== undefined) {
      return (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
    }
    return (await jwtVerify(token, publicKeys, { ...options, algorithms: ["ES256", "RS256"] })).payload;
  }

  return {
    async verify(token) {
      const known = verified.get(token);
      if (known !== undefined && known.expires_at > Date.now()) return known;
      let payload: JWTPayload;
      try {
        payload = await check(token);
      } catch (cause) {
        if ((cause as { code?: string }).code === "ERR_JWKS_TIMEOUT")
          throw new ApiError("auth_unavailable", { cause });
        throw new ApiError("invalid_token", { cause });
      }
      const { sub = "", session_id, role, exp = 0 } = payload;
      if (role !== "authenticated" || !uuid.test(sub) || !uuid.test(String(session_id)))
        throw new ApiError("invalid_token");
      const claims = { user_id: sub, session_id: String(session_id), expires_at: exp * 1_000 };
      const oldest = verified.size >= cacheSize ? verified.keys().next().value : undefined;
      if (oldest !== undefined) verified.delete(oldest);
      verified.set(token, claims);
      return claims;
    },
  };
}
