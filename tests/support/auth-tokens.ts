import { createHmac, createPrivateKey, sign } from "node:crypto";
import { publicKeySet, readSigningKeys } from "../../scripts/local/signing-keys.ts";
import type { StackTarget } from "./stack.ts";

type Keys = StackTarget["keys"];

/** The settings of a function that verifies the access tokens of a stack. It fetches unknown keys from Auth. */
export function tokenSettings({ signing_keys = "[]", jwt_secret }: Keys): Record<string, string> {
  const isOld = signing_keys === "[]" && jwt_secret !== undefined;
  return { SUPABASE_JWKS: publicKeySet(signing_keys), ...(isOld ? { JWT_SECRET: jwt_secret } : {}) };
}

const part = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");

export function signHmac(header: object, claims: object, secret: string, hash = "sha256"): string {
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

/** The HS256 secret of a stack. If Auth signs with a private key, a token with this secret is forged. */
export const secretOf = ({ jwt_secret = "of nobody, and long enough for a secret" }: Keys) => jwt_secret;

/** A token as Auth signs it, if the suite knows the key. Otherwise a forged one. */
export function signAsAuth(keys: Keys, claims: object): string {
  const [key] = readSigningKeys(keys.signing_keys ?? "[]");
  if (key === undefined) return signHmac({ alg: "HS256", typ: "JWT" }, claims, secretOf(keys));
  const signed = `${part({ alg: key.alg, kid: key.kid, typ: "JWT" })}.${part(claims)}`;
  const options = { key: createPrivateKey({ key, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  return `${signed}.${sign("sha256", Buffer.from(signed), options).toString("base64url")}`;
}

/** The unverified header of a token. */
export function headerOf(token: string): { alg?: string; kid?: string } {
  return JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString());
}
