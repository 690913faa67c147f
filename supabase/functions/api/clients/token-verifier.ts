import { createLocalJWKSet, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { BoundedMap } from "../bounded-map.ts";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";
import { isUuid } from "../uuid.ts";
import { createRemoteKeys } from "./remote-keys.ts";

export type Claims = { user_id: string; session_id: string };

/** Verifies access tokens of Supabase Auth. */
export type TokenVerifier = {
  /** @throws ApiError invalid_token unless it is a signed-in user's valid token; auth_unavailable when its key cannot be fetched */
  verify(token: string): Promise<Claims>;
};

/** The allowed difference between the clocks of Auth and of this machine. A token is never accepted after its end. */
const leewaySeconds = 30;

/** Errors of jose about a token. Its other errors are about fetching the keys. */
const refusals = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSMultipleMatchingKeys,
  errors.JWKSNoMatchingKey,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
];

export function createTokenVerifier(env: Env, fetcher: typeof fetch = fetch): TokenVerifier {
  const secret = env.jwt_secret === undefined ? undefined : new TextEncoder().encode(env.jwt_secret);
  const localKeys = env.jwks === undefined ? undefined : createLocalJWKSet(JSON.parse(env.jwks));
  const remoteKeys = createRemoteKeys(`${env.supabase_url}/auth/v1/.well-known/jwks.json`, fetcher);
  // A verified token is trusted until it expires. Every request checks its session in the database anyway.
  const verified = new BoundedMap<string, Claims & { expires_at: number }>(5_000);

  async function publicKey(...of: Parameters<typeof remoteKeys>) {
    if (localKeys === undefined) return remoteKeys(...of);
    try {
      return await localKeys(...of);
    } catch (error) {
      // The function's settings may be older than a rotation, so the new key is fetched from Auth.
      if (error instanceof errors.JWKSNoMatchingKey && of[0].kid !== undefined) return remoteKeys(...of);
      throw error;
    }
  }

  async function check(token: string): Promise<JWTPayload> {
    const { alg } = headerOf(token);
    const options = {
      audience: "authenticated",
      requiredClaims: ["sub", "exp", "session_id"],
      clockTolerance: leewaySeconds,
    };
    // The algorithm selects the key. A public key must never verify an HS256 token.
    if (alg === "HS256" && secret !== undefined) {
      return (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
    }
    return (await jwtVerify(token, publicKey, { ...options, algorithms: ["ES256", "RS256"] })).payload;
  }

  return {
    async verify(token) {
      const known = verified.get(token);
      if (known !== undefined) {
        if (known.expires_at > Date.now()) return known;
        throw new ApiError("invalid_token");
      }
      let payload: JWTPayload;
      try {
        payload = await check(token);
      } catch (cause) {
        const isRefused = refusals.some((refusal) => cause instanceof refusal);
        throw new ApiError(isRefused ? "invalid_token" : "auth_unavailable", { cause });
      }
      const { sub = "", session_id, role, exp = 0 } = payload;
      const isOver = exp * 1_000 <= Date.now();
      if (isOver || role !== "authenticated" || !isUuid(sub) || !isUuid(String(session_id)))
        throw new ApiError("invalid_token");
      const claims = { user_id: sub, session_id: String(session_id), expires_at: exp * 1_000 };
      verified.set(token, claims);
      return claims;
    },
  };
}

function headerOf(token: string): { alg?: string } {
  try {
    return decodeProtectedHeader(token);
  } catch (cause) {
    throw new errors.JWSInvalid("not a token", { cause });
  }
}
