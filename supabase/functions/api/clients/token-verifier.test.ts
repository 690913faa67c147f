import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Env } from "../env.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

const secret = "a-secret-of-at-least-thirty-two-characters";
const claims = {
  sub: "7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e",
  session_id: "00000000-0000-4000-8000-000000000001",
  role: "authenticated",
  aud: "authenticated",
};
const text = (value: string) => new TextEncoder().encode(value);
const inMinutes = (count: number) => Math.floor(Date.now() / 1000) + count * 60;

function sign(
  alg: string,
  key: CryptoKey | Uint8Array,
  change: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
) {
  return new SignJWT({ ...claims, exp: inMinutes(5), ...change })
    .setProtectedHeader({ alg, ...header })
    .sign(key);
}

/** A token that no library would sign. */
function forge(header: object, payload: object, signature = ""): string {
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString("base64url");
  return `${part(header)}.${part(payload)}.${signature}`;
}

const refused = { code: "invalid_token", status: 401 };

describe.each(["ES256", "RS256"])("with public keys (%s) and no secret", (alg) => {
  let verifier: TokenVerifier;
  let privateKey: CryptoKey;
  let otherKey: CryptoKey;
  let publicTexts: string[];

  beforeAll(async () => {
    const pair = await generateKeyPair(alg, { extractable: true });
    privateKey = pair.privateKey;
    otherKey = (await generateKeyPair(alg)).privateKey;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: "key-1", alg, use: "sig" };
    const jwks = JSON.stringify({ keys: [jwk] });
    const pem = await exportSPKI(pair.publicKey);
    publicTexts = [pem, pem.trim(), jwks, JSON.stringify(jwk), String(jwk.x ?? jwk.n)];
    verifier = createTokenVerifier({ supabase_url: "http://127.0.0.1:9", jwks } as Env);
  });

  test(`a token that Auth signed with ${alg} is accepted`, async () => {
    const token = await sign(alg, privateKey, {}, { kid: "key-1" });
    expect(await verifier.verify(token)).toMatchObject({
      user_id: claims.sub,
      session_id: claims.session_id,
    });
  });

  test(`an HS256 token that is signed with the text of the public ${alg} key is refused`, async () => {
    for (const key of publicTexts) {
      for (const header of [{}, { kid: "key-1" }]) {
        await expect(verifier.verify(await sign("HS256", text(key), {}, header))).rejects.toMatchObject(
          refused,
        );
      }
    }
  });

  test(`an ${alg} token of another key with the id of a known key is refused`, async () => {
    await expect(verifier.verify(await sign(alg, otherKey, {}, { kid: "key-1" }))).rejects.toMatchObject(
      refused,
    );
  });

  test(`an ${alg} token that contains its own key is refused`, async () => {
    const own = await generateKeyPair(alg, { extractable: true });
    const jwk = await exportJWK(own.publicKey);
    await expect(verifier.verify(await sign(alg, own.privateKey, {}, { jwk }))).rejects.toMatchObject(
      refused,
    );
  });
});

describe("with a secret", () => {
  const verifier = createTokenVerifier({
    supabase_url: "http://127.0.0.1:9",
    jwks: '{"keys":[]}',
    jwt_secret: secret,
  } as Env);
  const good = () => sign("HS256", text(secret));

  test("an HS256 token of Auth is accepted repeatedly", async () => {
    const token = await good();
    expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
    expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
  });

  test("a token issued five minutes in the future is accepted, and an expired one is refused", async () => {
    const early = await sign("HS256", text(secret), { iat: inMinutes(5), exp: inMinutes(35) });
    expect(await verifier.verify(early)).toMatchObject({ user_id: claims.sub });
    const late = await sign("HS256", text(secret), { iat: inMinutes(-35), exp: inMinutes(-5) });
    await expect(verifier.verify(late)).rejects.toMatchObject(refused);
  });

  test("a token with an `nbf` twenty seconds in the future is accepted", async () => {
    const early = await sign("HS256", text(secret), { nbf: inMinutes(1 / 3), iat: inMinutes(1 / 3) });
    expect(await verifier.verify(early)).toMatchObject({ user_id: claims.sub });
  });

  test("an accepted token is refused when one character is changed", async () => {
    const token = await good();
    await verifier.verify(token);
    const [header = "", payload = "", signature = ""] = token.split(".");
    const flip = (part: string, at: number) =>
      part.slice(0, at) + (part[at] === "A" ? "B" : "A") + part.slice(at + 1);
    for (const changed of [
      `${flip(header, 5)}.${payload}.${signature}`,
      `${header}.${flip(payload, 12)}.${signature}`,
      `${header}.${payload}.${flip(signature, 3)}`,
    ]) {
      await expect(verifier.verify(changed)).rejects.toMatchObject(refused);
    }
  });

  test.each<[string, () => string | Promise<string>]>([
    ["a token with alg none", () => forge({ alg: "none", typ: "JWT" }, { ...claims, exp: inMinutes(5) })],
    ["a token with alg None", () => forge({ alg: "None" }, { ...claims, exp: inMinutes(5) })],
    [
      "a token with alg none and a signature",
      () => forge({ alg: "none" }, { ...claims, exp: inMinutes(5) }, "AAAA"),
    ],
    ["a token without alg", () => forge({}, { ...claims, exp: inMinutes(5) }, "AAAA")],
    ["an HS512 token with the right secret", () => sign("HS512", text(secret))],
    [
      "an HS256 token with a wrong secret",
      () => sign("HS256", text("another-secret-of-thirty-two-characters")),
    ],
    ["an expired token", () => sign("HS256", text(secret), { exp: inMinutes(-1) })],
    ["a token without `exp`", () => sign("HS256", text(secret), { exp: undefined })],
    ["a token that is not valid yet", () => sign("HS256", text(secret), { nbf: inMinutes(5) })],
    ["a token that expired a second ago", () => sign("HS256", text(secret), { exp: inMinutes(0) - 1 })],
    ["a token without a session", () => sign("HS256", text(secret), { session_id: undefined })],
    ["a token whose session is not a UUID", () => sign("HS256", text(secret), { session_id: "1" })],
    ["a token without a subject", () => sign("HS256", text(secret), { sub: undefined })],
    ["a token of the role service_role", () => sign("HS256", text(secret), { role: "service_role" })],
    ["a token of the role anon", () => sign("HS256", text(secret), { role: "anon" })],
    ["a token for another audience", () => sign("HS256", text(secret), { aud: "other" })],
    [
      "a token with a critical header",
      () =>
        sign("HS256", text(secret), {}, { crit: ["exp"], exp: 1 }).catch(() =>
          forge({ alg: "HS256", crit: ["x"], x: 1 }, claims, "AAAA"),
        ),
    ],
    ["a text that is not a token", () => "not.a.token"],
    ["an empty text", () => ""],
  ])("%s is refused", async (_name, make) => {
    await expect(verifier.verify(await make())).rejects.toMatchObject(refused);
  });

  test("an accepted token is refused once it has expired", async () => {
    const now = Date.now();
    const token = await sign("HS256", text(secret), { exp: Math.floor(now / 1000) + 60 });
    await verifier.verify(token);
    vi.useFakeTimers({ toFake: ["Date"], now: now + 600_000 });
    try {
      await expect(verifier.verify(token)).rejects.toMatchObject(refused);
    } finally {
      vi.useRealTimers();
    }
  });
});

test("without JWT_SECRET every HS256 token is refused", async () => {
  const verifier = createTokenVerifier({ supabase_url: "http://127.0.0.1:9", jwks: '{"keys":[]}' } as Env);
  for (const key of [secret, "undefined", " "]) {
    await expect(verifier.verify(await sign("HS256", text(key)))).rejects.toMatchObject(refused);
  }
});

describe("published keys", () => {
  type Reply = () => Response | Promise<Response>;
  const pairs = new Map<string, { jwk: object; privateKey: CryptoKey }>();
  let now = 0;

  beforeAll(async () => {
    for (const kid of ["old", "new"]) {
      const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
      pairs.set(kid, { jwk: { ...(await exportJWK(publicKey)), kid, alg: "ES256" }, privateKey });
    }
    vi.spyOn(Date, "now").mockImplementation(
      () => Math.floor(performance.timeOrigin + performance.now()) + now,
    );
  });
  afterAll(() => vi.restoreAllMocks());

  const set = (...kids: string[]) => JSON.stringify({ keys: kids.map((kid) => pairs.get(kid)?.jwk) });
  const published =
    (...kids: string[]): Reply =>
    () =>
      new Response(set(...kids));
  const tokenOf = (kid: string, name = kid) =>
    sign("ES256", pairs.get(kid)?.privateKey as CryptoKey, {}, { kid: name });

  function auth(reply: Reply, jwks?: string) {
    const state = { reply, fetches: 0 };
    const fetcher = (async () => {
      state.fetches++;
      return state.reply();
    }) as unknown as typeof fetch;
    const env = { supabase_url: "http://auth.test", ...(jwks === undefined ? {} : { jwks }) } as Env;
    return { state, verifier: createTokenVerifier(env, fetcher) };
  }

  test.each<[string, Reply]>([
    ["a 503", () => new Response("", { status: 503 })],
    ["a 401 of the gateway", () => Response.json({ message: "Invalid API key" }, { status: 401 })],
    ["an HTML page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["JSON without keys", () => Response.json({ nothing: true })],
    ["a redirect", () => new Response("", { status: 302, headers: { location: "http://x.test" } })],
    [
      "a cut connection",
      () => Promise.reject(new TypeError("fetch failed", { cause: new Error("ECONNRESET") })),
    ],
    [
      "an unknown host",
      () => Promise.reject(new TypeError("fetch failed", { cause: new Error("ENOTFOUND") })),
    ],
    ["no answer", () => Promise.reject(new DOMException("timed out", "TimeoutError"))],
  ])(
    "a token is 503, not refused, while Auth answers its keys with %s, and is accepted when Auth answers",
    async (_name, reply) => {
      const { state, verifier } = auth(reply);
      const token = await tokenOf("old");
      for (let at = 0; at < 20; at++)
        await expect(verifier.verify(token)).rejects.toMatchObject({ code: "auth_unavailable", status: 503 });
      expect(state.fetches).toBe(1);
      state.reply = published("old");
      now += 1_001;
      expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
    },
  );

  test("tokens of known keys are accepted while Auth is down", async () => {
    const { state, verifier } = auth(published("old"));
    await verifier.verify(await tokenOf("old"));
    state.reply = () => new Response("", { status: 503 });
    now += 11 * 60_000;
    const again = await sign(
      "ES256",
      pairs.get("old")?.privateKey as CryptoKey,
      { exp: inMinutes(9) },
      { kid: "old" },
    );
    expect(await verifier.verify(again)).toMatchObject({ user_id: claims.sub });
  });

  test.each([
    ["from Auth", undefined],
    ["from SUPABASE_JWKS", "old"],
  ])("after a rotation twenty tokens of a new key cause one fetch, with keys %s", async (_name, local) => {
    const { state, verifier } = auth(published("old"), local === undefined ? undefined : set(local));
    await verifier.verify(await tokenOf("old"));
    now += 11_000;
    state.reply = published("new", "old");
    const before = state.fetches;
    const token = await tokenOf("new");
    const answers = await Promise.all(Array.from({ length: 20 }, () => verifier.verify(token)));
    expect(answers).toHaveLength(20);
    expect(state.fetches).toBe(before + 1);
  });

  test("a token of the old key is accepted for as long as its key is published", async () => {
    const { state, verifier } = auth(published("new", "old"));
    const tokens = [await tokenOf("old"), await tokenOf("new")];
    for (const token of tokens) expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
    state.reply = published("new");
    now += 11 * 60_000;
    await verifier.verify(await tokenOf("new"));
    await expect(verifier.verify(await tokenOf("old"))).rejects.toMatchObject(refused);
  });

  test.each([
    ["from Auth", undefined],
    ["from SUPABASE_JWKS", "old"],
  ])(
    "tokens with invented key ids are refused with one fetch in ten seconds, with keys %s",
    async (_name, local) => {
      const { state, verifier } = auth(published("old"), local === undefined ? undefined : set(local));
      for (let at = 0; at < 50; at++) {
        await expect(verifier.verify(await tokenOf("new", `invented-${at}`))).rejects.toMatchObject(refused);
      }
      expect(state.fetches).toBe(1);
      now += 10_001;
      await expect(verifier.verify(await tokenOf("new", "invented"))).rejects.toMatchObject(refused);
      expect(state.fetches).toBe(2);
    },
  );

  test("a token without a key id is refused without a fetch when SUPABASE_JWKS is set", async () => {
    const { state, verifier } = auth(published("new"), set("old"));
    const token = await sign("ES256", pairs.get("new")?.privateKey as CryptoKey);
    await expect(verifier.verify(token)).rejects.toMatchObject(refused);
    expect(state.fetches).toBe(0);
  });
});
