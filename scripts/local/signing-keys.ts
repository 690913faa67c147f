import { createPrivateKey, generateKeyPairSync, type JsonWebKey, randomUUID, sign } from "node:crypto";

/** A private key in the form of the CLI's `signing_keys.json`. */
type SigningKey = JsonWebKey & { kid: string; alg: "ES256"; use: "sig" };

/** `key_ops` of the CLI's keys has `verify` too, for which WebCrypto refuses a private key. */
export const readSigningKeys = (text: string) =>
  (JSON.parse(text) as SigningKey[]).map(({ key_ops: _, ...key }) => key as SigningKey);

/** One new key, in the form of `supabase gen signing-key`. */
export function newSigningKeys(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key: SigningKey = {
    ...privateKey.export({ format: "jwk" }),
    kid: randomUUID(),
    alg: "ES256",
    use: "sig",
  };
  return JSON.stringify([key]);
}

/** The public keys, in the form that Auth publishes under `/auth/v1/.well-known/jwks.json`. */
export function publicKeySet(text: string): string {
  const keys = readSigningKeys(text).map(({ d: _, ...key }) => ({ ...key, key_ops: ["verify"], ext: true }));
  return JSON.stringify({ keys });
}

/** A legacy key, signed as `supabase start` signs it. */
export function signRole(role: string, signingKeys: string): string {
  const [key] = readSigningKeys(signingKeys);
  if (key === undefined) throw new Error("There is no signing key.");
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "supabase", role, iat: now, exp: now + 10 * 365 * 86_400 };
  const signed = `${part({ alg: key.alg, kid: key.kid, typ: "JWT" })}.${part(claims)}`;
  const options = { key: createPrivateKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  return `${signed}.${sign("sha256", Buffer.from(signed), options).toString("base64url")}`;
}
