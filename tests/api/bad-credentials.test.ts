import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { createKey } from "../../supabase/functions/api/key.ts";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  freshEmail,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { headerOf, secretOf, signAsAuth, signHmac } from "../support/auth-tokens.ts";
import { claimsOf, owner } from "../support/sql.ts";

const { urls, keys } = inject("stack");

let developer: Developer;
let stranger: Developer;
let user: EndUser;
let before: Record<string, unknown>;

/** Counts all that a refused request could have left with these two developers. */
async function traces(): Promise<Record<string, unknown>> {
  const projects = [developer.project.id, stranger.project.id];
  const [row] = await owner`
    select
      (select count(*)::int from public.projects where owner_id in (${developer.id}, ${stranger.id})) as projects,
      (select count(*)::int from public.users where project_id = any(${projects})) as users,
      (select count(*)::int from auth.users where email like any(${projects.map((id) => `%@${id}.users.invalid`)})) as auth_users,
      (select count(*)::int from public.api_keys where project_id = any(${projects})) as api_keys,
      (select count(*)::int from public.generations where project_id = any(${projects})) as generations,
      (select coalesce(sum(generations), 0)::int from public.generation_usage where project_id = any(${projects})) as charged,
      (select count(*)::int from storage.objects where split_part(name, '/', 1) = any(${projects})) as files`;
  return row ?? {};
}

beforeAll(async () => {
  [developer, stranger] = await Promise.all([registerDeveloper(), registerDeveloper()]);
  user = await registerEndUser(developer.project);
  before = await traces();
});

afterAll(async () => {
  // A refused request could also leave something after its answer.
  expect(await traces()).toEqual(before);
});

type Sent = { method?: string; headers?: Record<string, string>; json?: unknown; body?: BodyInit };

async function refuses(path: string, sent: Sent, status: number, code: string): Promise<void> {
  const answer = await api(path, sent);
  expect({ ...errorOf(answer), detail: "" }).toEqual({ status, code, detail: "" });
  expect(errorOf(answer).detail.length).toBeGreaterThan(5);
  if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  if (status === 422) expect(Array.isArray(answer.body.errors) || code !== "validation_failed").toBe(true);
  expect(await traces()).toEqual(before);
}
const asUser = () => user.headers;
const asApp = () => developer.project.headers;

describe("keys and projects", () => {
  const upload = (headers: Record<string, string>) => ({ headers, json: { prompt: "A lighthouse" } });
  const generate = "/generation/generate-v2";

  test.each<[string, () => Record<string, string>, number, string]>([
    ["an unknown project", () => ({ "X-Project-ID": crypto.randomUUID() }), 401, "invalid_token"],
    ["another developer's project", () => ({ "X-Project-ID": stranger.project.id }), 401, "invalid_token"],
    ["an invalid project id", () => ({ "X-Project-ID": "1 or 1=1" }), 400, "invalid_project_id"],
    [
      "an unknown developer key",
      () => ({ "X-Developer-Key": createKey("ak").key }),
      403,
      "developer_key_invalid",
    ],
    [
      "another developer's key",
      () => ({ "X-Developer-Key": stranger.project.developer_key }),
      403,
      "developer_key_invalid",
    ],
    ["an unknown API key", () => ({ "X-API-Key": createKey("ak").key }), 403, "api_key_invalid"],
    ["another project's API key", () => ({ "X-API-Key": stranger.project.api_key }), 403, "api_key_invalid"],
    [
      "a mistyped API key",
      () => ({ "X-API-Key": `${developer.project.api_key.slice(0, -1)}!` }),
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
      () => ({ "X-Operator-Key": developer.project.developer_key }),
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
  const asAuth = (change: object) => signAsAuth(keys, { ...claimsOf(user.token), ...change });
  const seconds = () => Math.floor(Date.now() / 1000);

  test("an access token signed as Auth signs it is accepted", async () => {
    const isKnown = keys.signing_keys !== undefined || headerOf(user.token).alg === "HS256";
    const token = isKnown ? asAuth({}) : user.token;
    const answer = await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } });
    expect(answer.body.id).toBe(user.id);
  });

  test("an access token with one changed byte or without its signature is refused", async () => {
    const [header = "", payload = "", signature = ""] = user.token.split(".");
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
    ["a token with alg none", () => `${part({ alg: "none", typ: "JWT" })}.${part(claimsOf(user.token))}.`],
    ["a token with alg nOnE", () => `${part({ alg: "nOnE" })}.${part(claimsOf(user.token))}.`],
    [
      "a token with alg HS512 and the right secret",
      () => signHmac({ alg: "HS512" }, claimsOf(user.token), secretOf(keys), "sha512"),
    ],
    ["an expired token", () => asAuth({ exp: seconds() - 1 })],
    ["a token without exp", () => asAuth({ exp: undefined })],
    ["a token of an unknown session", () => asAuth({ session_id: crypto.randomUUID() })],
    [
      "a token with another user's session",
      () => asAuth({ session_id: claimsOf(developer.token).session_id }),
    ],
    ["a token with another user's sub", () => asAuth({ sub: developer.id })],
    ["the public anonymous key", () => keys.anon ?? ""],
    ["the service role's key", () => keys.service_role ?? ""],
    ["an empty text", () => ""],
    ["a refresh token", () => user.refresh_token],
  ])("%s is refused as access token", async (_name, token) => {
    await refuses("/auth/me", { headers: { Authorization: `Bearer ${token()}` } }, 401, "invalid_token");
  });

  test("an HS256 token that is signed with the public keys is refused", async () => {
    const response = await fetch(`${urls.gateway}/auth/v1/.well-known/jwks.json`);
    const published = await response.text();
    for (const secret of [published, published.trim(), '{"keys":[]}', "[]"]) {
      const token = signHmac({ alg: "HS256", typ: "JWT" }, claimsOf(user.token), secret);
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
