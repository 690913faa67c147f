import { generateKeyPair, jwtVerify, SignJWT } from "jose";
import { expect, test } from "vitest";
import { createTokenVerifier } from "../../supabase/functions/api/clients/token-verifier.ts";
import type { Env } from "../../supabase/functions/api/env.ts";
import { AccessTokens, type TokenAlgorithm } from "./access-tokens.ts";
import { newSigningKeys, signRole } from "./signing-keys.ts";

const jwt_secret = "a-secret-of-at-least-thirty-two-characters";
const secret = new TextEncoder().encode(jwt_secret);
const signing_keys = newSigningKeys();
const user = {
  sub: "7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e",
  session_id: "00000000-0000-4000-8000-000000000001",
  role: "authenticated",
  aud: "authenticated",
};
const seconds = () => Math.floor(Date.now() / 1000);

/** A token as supabase-lite makes it. */
const ofLite = (claims: object = { ...user, exp: seconds() + 300 }) =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(secret);
const stack = (keys = signing_keys, alg: TokenAlgorithm = "ES256") =>
  new AccessTokens({ signing_keys: keys, jwt_secret }, alg);
/** The verifier of a function with these keys, which gets the same keys from Auth. */
const verifier = (jwks: string) =>
  createTokenVerifier(
    { supabase_url: "http://auth.test", jwks } as Env,
    (async () => new Response(jwks)) as unknown as typeof fetch,
  );
const tokenOf = (authorization: string | undefined) => authorization?.split(" ")[1] ?? "";

test("a token of local Auth is valid under the published keys, and reaches supabase-lite with the same claims", async () => {
  const tokens = stack();
  const given = await tokens.toExternal(await ofLite());
  expect(await verifier(tokens.public_keys).verify(given)).toMatchObject({ user_id: user.sub });
  const back = tokenOf(await tokens.toInternal(`Bearer ${given}`));
  expect((await jwtVerify(back, secret, { algorithms: ["HS256"] })).payload).toMatchObject(user);
});

test("local Auth does not publish the private part of a key", () => {
  expect(JSON.parse(stack().public_keys).keys[0]).toMatchObject({ kty: "EC", alg: "ES256", use: "sig" });
  expect(stack().public_keys).not.toContain('"d"');
});

test("an expired token reaches supabase-lite as expired", async () => {
  const tokens = stack();
  const given = await tokens.toExternal(await ofLite({ ...user, exp: seconds() - 60 }));
  const back = tokenOf(await tokens.toInternal(`Bearer ${given}`));
  await expect(jwtVerify(back, secret)).rejects.toMatchObject({ code: "ERR_JWT_EXPIRED" });
});

test("a token that no key of the stack signed is passed on unchanged", async () => {
  const { privateKey } = await generateKeyPair("ES256");
  const forged = { ...user, exp: seconds() + 300 };
  const { kid } = JSON.parse(stack().public_keys).keys[0];
  for (const header of [{ alg: "ES256" }, { alg: "ES256", kid }]) {
    const authorization = `Bearer ${await new SignJWT(forged).setProtectedHeader(header).sign(privateKey)}`;
    expect(await stack().toInternal(authorization)).toBe(authorization);
  }
  for (const nonsense of [undefined, "", "Bearer", "Bearer x.y.z", "Basic abc"])
    expect(await stack().toInternal(nonsense)).toBe(nonsense);
});

test("after a rotation new tokens have the new key, and tokens of the old key are valid until it is removed", async () => {
  const old = await stack().toExternal(await ofLite());
  const [made] = JSON.parse(newSigningKeys());
  // As `supabase gen signing-key` writes it.
  const newest = { ...made, key_ops: ["sign", "verify"], ext: true };
  const rotated = stack(JSON.stringify([newest, ...JSON.parse(signing_keys)]));
  const fresh = await rotated.toExternal(await ofLite());
  for (const token of [old, fresh]) {
    expect(await verifier(rotated.public_keys).verify(token)).toMatchObject({ user_id: user.sub });
    expect(await rotated.toInternal(`Bearer ${token}`)).not.toBe(`Bearer ${token}`);
  }
  const removed = stack(JSON.stringify([newest]));
  expect(await verifier(removed.public_keys).verify(fresh)).toMatchObject({ user_id: user.sub });
  await expect(verifier(removed.public_keys).verify(old)).rejects.toMatchObject({ code: "invalid_token" });
  expect(await removed.toInternal(`Bearer ${old}`)).toBe(`Bearer ${old}`);
});

test("with the legacy secret no key is published, and the legacy tokens work", async () => {
  const tokens = stack(signing_keys, "HS256");
  expect(tokens.public_keys).toBe('{"keys":[]}');
  const token = await ofLite();
  expect(await tokens.toExternal(token)).toBe(token);
  expect(await tokens.toInternal(`Bearer ${token}`)).toBe(`Bearer ${token}`);
  const anon = tokenOf(await tokens.toInternal(`Bearer ${signRole("anon", signing_keys)}`));
  expect((await jwtVerify(anon, secret)).payload).toMatchObject({ role: "anon" });
});
