import { describe, expect, inject, test } from "vitest";
import { createKey } from "../../supabase/functions/api/key.ts";
import { api, freshEmail, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { headerOf, secretOf, signAsAuth, signHmac } from "../support/auth-tokens.ts";
import { claimsOf, owner } from "../support/sql.ts";
import { watchRefusals } from "../support/watch-refusals.ts";

const { urls, keys } = inject("stack");

const { people, refuses } = watchRefusals();
const asUser = () => people.user.headers;
const asApp = () => people.developer.project.headers;

describe("keys and projects", () => {
  const upload = (headers: Record<string, string>) => ({ headers, json: { prompt: "A lighthouse" } });
  const generate = "/generation/generate-v2";

  test.each<[string, () => Record<string, string>, number, string]>([
    ["an unknown project", () => ({ "X-Project-ID": crypto.randomUUID() }), 401, "invalid_token"],
    [
      "another developer's project",
      () => ({ "X-Project-ID": people.stranger.project.id }),
      401,
      "invalid_token",
    ],
    ["an invalid project id", () => ({ "X-Project-ID": "1 or 1=1" }), 400, "invalid_project_id"],
    [
      "an unknown developer key",
      () => ({ "X-Developer-Key": createKey("ak").key }),
      403,
      "developer_key_invalid",
    ],
    [
      "another developer's key",
      () => ({ "X-Developer-Key": people.stranger.project.developer_key }),
      403,
      "developer_key_invalid",
    ],
    ["an unknown API key", () => ({ "X-API-Key": createKey("ak").key }), 403, "api_key_invalid"],
    [
      "another project's API key",
      () => ({ "X-API-Key": people.stranger.project.api_key }),
      403,
      "api_key_invalid",
    ],
    [
      "a mistyped API key",
      () => ({ "X-API-Key": `${people.developer.project.api_key.slice(0, -1)}!` }),
      403,
      "api_key_invalid",
    ],
    [
      "an unknown operator key",
      () => ({ "X-Operator-Key": createKey("ok").key }),
      403,
      "operator_key_invalid",
    ],
    [
      "a developer key as operator key",
      () => ({ "X-Operator-Key": people.developer.project.developer_key }),
      403,
      "operator_key_invalid",
    ],
    ["another role in X-User-Role", () => ({ "X-User-Role": "operator" }), 403, "role_mismatch"],
  ])("creating a generation with %s is refused", async (_name, change, status, code) => {
    await refuses(generate, upload({ ...asUser(), ...change() }), status, code);
  });

  test("registration and login in an unknown project answer 404", async () => {
    const headers = { ...asApp(), "X-Project-ID": crypto.randomUUID() };
    const json = { email: freshEmail(), password };
    await refuses("/auth/register", { headers, json }, 404, "project_not_found");
    await refuses(
      "/auth/login",
      { headers: { "X-Project-ID": headers["X-Project-ID"] }, json },
      404,
      "project_not_found",
    );
  });

  test("a revoked API key or developer key is refused from the next request on", async () => {
    const other = await registerDeveloper();
    const endUser = await registerEndUser(other.project);
    await owner`update public.api_keys set revoked_at = now() where project_id = ${other.project.id}`;
    await refuses(generate, upload(endUser.headers), 403, "api_key_revoked");
    await owner`update public.developer_keys set revoked_at = now() where user_id = ${other.id}`;
    await refuses(generate, upload(endUser.headers), 403, "developer_key_revoked");
    const json = { email: freshEmail(), password };
    await refuses("/auth/register", { headers: other.project.headers, json }, 403, "developer_key_revoked");
  });
});

describe("access tokens", () => {
  const part = (json: unknown) => Buffer.from(JSON.stringify(json)).toString("base64url");
  const swap = (text: string, at: number) =>
    text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
  const asAuth = (change: object) => signAsAuth(keys, { ...claimsOf(people.user.token), ...change });
  const seconds = () => Math.floor(Date.now() / 1000);

  test("an access token signed as Auth signs it is accepted", async () => {
    const isKnown = keys.signing_keys !== undefined || headerOf(people.user.token).alg === "HS256";
    const token = isKnown ? asAuth({}) : people.user.token;
    const answer = await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.body.id).toBe(people.user.id);
  });

  test("an access token with one changed byte or without its signature is refused", async () => {
    const [header = "", payload = "", signature = ""] = people.user.token.split(".");
    for (const token of [
      `${swap(header, 8)}.${payload}.${signature}`,
      `${header}.${swap(payload, 20)}.${signature}`,
      `${header}.${payload}.${swap(signature, 0)}`,
      `${header}.${payload}.${swap(signature, 20)}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
    ]) {
      await refuses("/auth/me", { headers: { Authorization: `Bearer ${token}` } }, 401, "invalid_token");
    }
  });

  test.each<[string, () => string]>([
    [
      "a token with alg none",
      () => `${part({ alg: "none", typ: "JWT" })}.${part(claimsOf(people.user.token))}.`,
    ],
    ["a token with alg nOnE", () => `${part({ alg: "nOnE" })}.${part(claimsOf(people.user.token))}.`],
    [
      "a token with alg HS512 and the right secret",
      () => signHmac({ alg: "HS512" }, claimsOf(people.user.token), secretOf(keys), "sha512"),
    ],
    ["an expired token", () => asAuth({ exp: seconds() - 1 })],
    ["a token without exp", () => asAuth({ exp: undefined })],
    ["a token of an unknown session", () => asAuth({ session_id: crypto.randomUUID() })],
    [
      "a token with another user's session",
      () => asAuth({ session_id: claimsOf(people.developer.token).session_id }),
    ],
    ["a token with another user's sub", () => asAuth({ sub: people.developer.id })],
    ["the public anonymous key", () => keys.anon ?? ""],
    ["the service role's key", () => keys.service_role ?? ""],
    ["an empty text", () => ""],
    ["a refresh token", () => people.user.refresh_token],
  ])("%s is refused as access token", async (_name, token) => {
    await refuses("/auth/me", { headers: { Authorization: `Bearer ${token()}` } }, 401, "invalid_token");
  });

  test("an HS256 token that is signed with the public keys is refused", async () => {
    const response = await fetch(`${urls.gateway}/auth/v1/.well-known/jwks.json`);
    const published = await response.text();
    for (const secret of [published, published.trim(), '{"keys":[]}', "[]"]) {
      const token = signHmac({ alg: "HS256", typ: "JWT" }, claimsOf(people.user.token), secret);
      await refuses("/auth/me", { headers: { Authorization: `Bearer ${token}` } }, 401, "invalid_token");
    }
  });

  test.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer a b", "token"])(
    "the Authorization header %j is refused",
    async (value) => {
      await refuses("/auth/me", { headers: { Authorization: value } }, 401, "invalid_token");
    },
  );
});
