import { CompactSign, type CryptoKey, compactVerify, createLocalJWKSet, importJWK } from "jose";
import { BoundedMap } from "../../supabase/functions/api/bounded-map.ts";
import type { Keys } from "./keys.ts";
import { publicKeySet, readSigningKeys } from "./signing-keys.ts";

/** How Auth signs: ES256 as in new projects, HS256 as in those that keep the legacy secret. */
export type TokenAlgorithm = "ES256" | "HS256";

const mostTwins = 1_000;

/** Lite knows HS256 alone: its tokens are signed anew on their way out, and what comes back becomes what lite reads. */
export class AccessTokens {
  /** As Auth publishes them; nobody is told the legacy secret. */
  readonly public_keys: string;
  readonly #verify: ReturnType<typeof createLocalJWKSet>;
  readonly #signing: ReturnType<typeof readSigningKeys>[number] | undefined;
  readonly #privateKey: Promise<CryptoKey | Uint8Array> | undefined;
  readonly #secret: Uint8Array;
  /** What lite reads for a token that was verified before. */
  readonly #twins = new BoundedMap<string, string>(mostTwins);

  constructor({ signing_keys, jwt_secret }: Pick<Keys, "signing_keys" | "jwt_secret">, alg: TokenAlgorithm) {
    const published = publicKeySet(signing_keys);
    this.public_keys = alg === "ES256" ? published : '{"keys":[]}';
    // The legacy keys are signed with the private key in either case.
    this.#verify = createLocalJWKSet(JSON.parse(published));
    this.#signing = alg === "ES256" ? readSigningKeys(signing_keys)[0] : undefined;
    this.#privateKey = this.#signing && importJWK(this.#signing, this.#signing.alg);
    this.#secret = new TextEncoder().encode(jwt_secret);
  }

  /** A token of lite as clients get it, with the same claims. */
  async outward(token: string): Promise<string> {
    if (this.#signing === undefined || this.#privateKey === undefined) return token;
    const { alg, kid } = this.#signing;
    const claims = Buffer.from(token.split(".")[1] ?? "", "base64url");
    return new CompactSign(claims).setProtectedHeader({ alg, kid, typ: "JWT" }).sign(await this.#privateKey);
  }

  /** An Authorization header as lite reads it. What no key of this stack has signed stays as it is, and lite refuses it. */
  async inward(authorization: string | undefined): Promise<string | undefined> {
    const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return authorization;
    const known = this.#twins.get(token);
    if (known !== undefined) return known;
    try {
      // Lite looks at the claims: it says that a token is expired.
      const { payload } = await compactVerify(token, this.#verify, { algorithms: ["ES256"] });
      const twin = new CompactSign(payload).setProtectedHeader({ alg: "HS256", typ: "JWT" });
      const translated = `Bearer ${await twin.sign(this.#secret)}`;
      this.#twins.set(token, translated);
      return translated;
    } catch {
      return authorization;
    }
  }
}
