import { CompactSign, type CryptoKey, compactVerify, createLocalJWKSet, importJWK, jwtVerify } from "jose";
import { BoundedMap } from "../../supabase/functions/api/bounded-map.ts";
import type { Keys } from "./keys.ts";
import { reasonOf } from "./problem.ts";
import { publicKeySet, readSigningKeys } from "./signing-keys.ts";

/** The algorithm of Auth's tokens: ES256 in new projects, HS256 in projects with the legacy secret. */
export type TokenAlgorithm = "ES256" | "HS256";

const mostTranslated = 1_000;

/**
 * supabase-lite supports only HS256. So this class signs its tokens again for clients, and replaces clients' tokens by
 * HS256 ones.
 */
export class AccessTokens {
  /** The keys that Auth publishes. The legacy secret is never published. */
  readonly public_keys: string;
  readonly #verify: ReturnType<typeof createLocalJWKSet>;
  readonly #signing: ReturnType<typeof readSigningKeys>[number] | undefined;
  readonly #privateKey: Promise<CryptoKey | Uint8Array> | undefined;
  readonly #secret: Uint8Array;
  /** The HS256 tokens for verified tokens. */
  readonly #translated = new BoundedMap<string, string>(mostTranslated);

  constructor({ signing_keys, jwt_secret }: Pick<Keys, "signing_keys" | "jwt_secret">, alg: TokenAlgorithm) {
    const published = publicKeySet(signing_keys);
    this.public_keys = alg === "ES256" ? published : '{"keys":[]}';
    // The private key signs the legacy keys with both algorithms.
    this.#verify = createLocalJWKSet(JSON.parse(published));
    this.#signing = alg === "ES256" ? readSigningKeys(signing_keys)[0] : undefined;
    this.#privateKey = this.#signing && importJWK(this.#signing, this.#signing.alg);
    this.#secret = new TextEncoder().encode(jwt_secret);
  }

  /** The client's form of a token of lite, with the same claims. */
  async toExternal(token: string): Promise<string> {
    if (this.#signing === undefined || this.#privateKey === undefined) return token;
    const { alg, kid } = this.#signing;
    const claims = Buffer.from(token.split(".")[1] ?? "", "base64url");
    return new CompactSign(claims).setProtectedHeader({ alg, kid, typ: "JWT" }).sign(await this.#privateKey);
  }

  /** The Authorization header for lite. A token that no key of this stack has signed stays unchanged, and lite refuses it. */
  async toInternal(authorization: string | undefined): Promise<string | undefined> {
    const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return authorization;
    const known = this.#translated.get(token);
    if (known !== undefined) return known;
    try {
      // The expiry is not checked here, so that lite can report an expired token.
      const { payload } = await compactVerify(token, this.#verify, { algorithms: ["ES256"] });
      const internal = new CompactSign(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" });
      const translated = `Bearer ${await internal.sign(this.#secret)}`;
      this.#translated.set(token, translated);
      return translated;
    } catch {
      return authorization;
    }
  }

  /** The reason why the token of a signed URL of Storage is invalid. Undefined for a valid token. */
  async problemOfSignedUrl(token: string): Promise<string | undefined> {
    try {
      await jwtVerify(token, this.#secret, { algorithms: ["HS256"] });
      return undefined;
    } catch (error) {
      return reasonOf(error);
    }
  }
}
