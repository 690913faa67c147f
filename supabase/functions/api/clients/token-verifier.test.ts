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

/** What nobody would sign, put together by hand. */
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

  test("a token of Auth is accepted", async () => {
    const token = await sign(alg, privateKey, {}, { kid: "key-1" });
    expect(await verifier.verify(token)).toMatchObject({
      user_id: claims.sub,
      session_id: claims.session_id,
    });
  });

  test("an HS256 token that is signed with the text of the public key is refused", async () => {
    for (const key of publicTexts) {
      for (const header of [{}, { kid: "key-1" }]) {
        await expect(verifier.verify(await sign("HS256", text(key), {}, header))).rejects.toMatchObject(
          refused,
        );
      }
    }
  });

  test("a token of another key is refused, also under the known key's name", async () => {
    await expect(verifier.verify(await sign(alg, otherKey, {}, { kid: "key-1" }))).rejects.toMatchObject(
      refused,
    );
  });

  test("a token that brings its own key is refused", async () => {
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

  test("an HS256 token of Auth is accepted, the second time too", async () => {
    const token = await good();
    expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
    expect(await verifier.verify(token)).toMatchObject({ user_id: claims.sub });
  });

  test("clocks may differ by minutes: a token from a clock that is ahead is accepted, and lives until its own end", async () => {
    const early = await sign("HS256", text(secret), { iat: inMinutes(5), exp: inMinutes(35) });
    expect(await verifier.verify(early)).toMatchObject({ user_id: claims.sub });
    const late = await sign("HS256", text(secret), { iat: inMinutes(-35), exp: inMinutes(-5) });
    await expect(verifier.verify(late)).rejects.toMatchObject(refused);
  });

  test("a token from a clock that is twenty seconds ahead is valid already", async () => {
    const early = await sign("HS256", text(secret), { nbf: inMinutes(1 / 3), iat: inMinutes(1 / 3) });
    expect(await verifier.verify(early)).toMatchObject({ user_id: claims.sub });
  });

  test("a known token with one changed character is refused", async () => {
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
    ["alg none", () => forge({ alg: "none", typ: "JWT" }, { ...claims, exp: inMinutes(5) })],
    ["alg None", () => forge({ alg: "None" }, { ...claims, exp: inMinutes(5) })],
    ["alg none with a signature", () => forge({ alg: "none" }, { ...claims, exp: inMinutes(5) }, "AAAA")],
    ["no alg", () => forge({}, { ...claims, exp: inMinutes(5) }, "AAAA")],
    ["HS512 with the right secret", () => sign("HS512", text(secret))],
    ["HS256 with a wrong secret", () => sign("HS256", text("another-secret-of-thirty-two-characters"))],
    ["an expired token", () => sign("HS256", text(secret), { exp: inMinutes(-1) })],
    ["no end", () => sign("HS256", text(secret), { exp: undefined })],
    ["a token that is not valid yet", () => sign("HS256", text(secret), { nbf: inMinutes(5) })],
    ["a token that ended a second ago", () => sign("HS256", text(secret), { exp: inMinutes(0) - 1 })],
    ["no session", () => sign("HS256", text(secret), { session_id: undefined })],
    ["a session that is no uuid", () => sign("HS256", text(secret), { session_id: "1" })],
    ["no subject", () => sign("HS256", text(secret), { sub: undefined })],
    ["the service role", () => sign("HS256", text(secret), { role: "service_role" })],
    ["the anonymous role", () => sign("HS256", text(secret), { role: "anon" })],
    ["another audience", () => sign("HS256", text(secret), { aud: "other" })],
    [
      "a header that must be understood",
      () =>
        sign("HS256", text(secret), {}, { crit: ["exp"], exp: 1 }).catch(() =>
          forge({ alg: "HS256", crit: ["x"], x: 1 }, claims, "AAAA"),
        ),
    ],
    ["no token", () => "not.a.token"],
    ["nothing", () => ""],
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

test("without a secret no HS256 token is accepted, not even one of an empty secret", async () => {
  const verifier = createTokenVerifier({ supabase_url: "http://127.0.0.1:9", jwks: '{"keys":[]}' } as Env);
  for (const key of [secret, "undefined", " "]) {
    await expect(verifier.verify(await sign("HS256", text(key)))).rejects.toMatchObject(refused);
  }
});

describe("keys that Auth publishes", () => {
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
    ["503", () => new Response("", { status: 503 })],
    ["401 of a gateway", () => Response.json({ message: "Invalid API key" }, { status: 401 })],
    ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
    ["JSON that is no key set", () => Response.json({ nothing: true })],
    ["a redirect", () => new Response("", { status: 302, headers: { location: "http://x.test" } })],
    ["a reset", () => Promise.reject(new TypeError("fetch failed", { cause: new Error("ECONNRESET") }))],
    ["no such host", () => Promise.reject(new TypeError("fetch failed", { cause: new Error("ENOTFOUND") }))],
    ["no answer", () => Promise.reject(new DOMException("timed out", "TimeoutError"))],
  ])(
    "that cannot be fetched (%s) are 503 and not a wrong token, and are fetched again soon",
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

  test("that are known serve while Auth is away", async () => {
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
  ])("a new one after a rotation is looked up once, with keys %s", async (_name, local) => {
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
  ])("invented ones are refused with one look in ten seconds, with keys %s", async (_name, local) => {
    const { state, verifier } = auth(published("old"), local === undefined ? undefined : set(local));
    for (let at = 0; at < 50; at++) {
      await expect(verifier.verify(await tokenOf("new", `invented-${at}`))).rejects.toMatchObject(refused);
    }
    expect(state.fetches).toBe(1);
    now += 10_001;
    await expect(verifier.verify(await tokenOf("new", "invented"))).rejects.toMatchObject(refused);
    expect(state.fetches).toBe(2);
  });

  test("a token without a name for its key asks for nothing where keys are set", async () => {
    const { state, verifier } = auth(published("new"), set("old"));
    const token = await sign("ES256", pairs.get("new")?.privateKey as CryptoKey);
    await expect(verifier.verify(token)).rejects.toMatchObject(refused);
    expect(state.fetches).toBe(0);
  });
});
