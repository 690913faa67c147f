import { beforeAll, describe, expect, test } from "vitest";
import { isErrorCode } from "../../supabase/functions/api/errors.ts";
import { makeKeys } from "../support/keys.ts";
import { owner, refusalOf, rolledBack, type Tx } from "../support/sql.ts";
import {
  credentialsOf,
  endUserCredentials,
  hashOf,
  makeWorld,
  type Side,
  type World,
} from "../support/world.ts";

type Credentials = Record<string, string | boolean>;

let world: World;
let keys: Record<string, string>;

beforeAll(async () => {
  world = await makeWorld();
  keys = await makeKeys(world);
});

const authorize = (
  credentials: Credentials | null,
  scope: string | null,
  prepare?: (tx: Tx) => Promise<unknown>,
) =>
  refusalOf(
    rolledBack(async (tx) => {
      await prepare?.(tx);
      await tx`select private.authorize(${credentials === null ? null : tx.json(credentials)}::jsonb, ${scope})`;
    }),
  );

type Kind = "operator" | "developer" | "api";
const user = (more: Credentials = {}): Credentials => ({ ...endUserCredentials(world.a), ...more });
const developer = (more: Credentials = {}): Credentials => ({
  ...credentialsOf({ token: world.a.developer.token }),
  ...more,
});
const operator = (more: Credentials = {}): Credentials => ({
  operator_key_hash: hashOf(world.operator.operator_key).toString("hex"),
  ...more,
});
const without = (name: string): Credentials => {
  const { [name]: _, ...others } = user();
  return others;
};
/** The hash of a key of `makeKeys`, or of an unknown key. */
const only = (kind: Kind, name: string, more: Credentials = {}): Credentials => ({
  [`${kind}_key_hash`]: hashOf(keys[`${kind} ${name}`] ?? name).toString("hex"),
  ...more,
});
const keysOf = ({ developer: { project } }: Side, kind: "developer" | "api"): Credentials => ({
  [`${kind}_key_hash`]: hashOf(project[`${kind}_key`]).toString("hex"),
});
const a = () => ({ project_id: world.a.project_id });
const b = () => ({ project_id: world.b.project_id });
const sessionOf = (token: string) => credentialsOf({ token }).session_id ?? "";

const endSession = (tx: Tx) =>
  tx`update auth.sessions set not_after = now() where user_id = ${world.a.user.id}`;
const stopProject = (tx: Tx) =>
  tx`update public.projects set is_active = false where id = ${world.a.project_id}`;
const allowOneOrigin = (tx: Tx) => tx`
  update public.projects set allowed_origins = '{https://app.example}' where id = ${world.a.project_id}`;
const demandVerification = (tx: Tx) => tx`
  update public.projects set email_verification = 'required' where id = ${world.a.project_id}`;
const closeAccounts = (tx: Tx) => tx`
  update public.users set deactivated_at = now() where id in (${world.a.developer.id}, ${world.operator.id})`;

/** The situation, the credentials, the scope and the code of the refusal, or null. */
const cases: [string, () => Credentials | null, string, string | null, ((tx: Tx) => Promise<unknown>)?][] = [
  ["an end user with all four credentials", user, "generation", null],
  ["a developer with a project", () => developer(a()), "generation", null],
  ["an operator with any project", () => operator(b()), "generation", null],
  ["a management key alone", () => only("developer", "management"), "projects", null],
  ["a token of an unknown account", () => user({ user_id: crypto.randomUUID() }), "account", "invalid_token"],
  [
    "a token of an unknown session",
    () => user({ session_id: crypto.randomUUID() }),
    "account",
    "invalid_token",
  ],
  [
    "another user's session",
    () => user({ session_id: sessionOf(world.b.user.token) }),
    "account",
    "invalid_token",
  ],
  ["an expired session", user, "account", "invalid_token", endSession],
  ["an end user in another project", () => user(b()), "account", "invalid_token"],
  [
    "a deactivated account",
    () => endUserCredentials(world.a, world.deactivated),
    "account",
    "account_deactivated",
  ],
  ["an unknown operator key", () => only("operator", "unknown"), "platform", "operator_key_invalid"],
  [
    "an operator key that belongs to a developer",
    () => only("operator", "of a developer"),
    "platform",
    "operator_key_invalid",
  ],
  [
    "an operator key of a deactivated operator",
    () => operator(),
    "platform",
    "operator_key_invalid",
    closeAccounts,
  ],
  ["a revoked operator key", () => only("operator", "revoked"), "platform", "operator_key_revoked"],
  ["an expired operator key", () => only("operator", "expired"), "platform", "operator_key_expired"],
  [
    "an operator key in a browser",
    () => operator({ from_browser: true }),
    "platform",
    "key_not_for_browsers",
  ],
  ["an unknown developer key", () => only("developer", "unknown"), "public", "developer_key_invalid"],
  [
    "a developer key of a deactivated developer",
    () => only("developer", "active"),
    "public",
    "developer_key_invalid",
    closeAccounts,
  ],
  [
    "a developer key of another developer",
    () => developer(keysOf(world.b, "developer")),
    "projects",
    "developer_key_invalid",
  ],
  [
    "a developer key of another project",
    () => only("developer", "active", b()),
    "public",
    "developer_key_invalid",
  ],
  ["a revoked developer key", () => only("developer", "revoked"), "public", "developer_key_revoked"],
  ["a rotated developer key", () => only("developer", "rotated"), "public", "developer_key_rotated"],
  ["an expired developer key", () => only("developer", "expired"), "public", "developer_key_expired"],
  [
    "a management key in a browser",
    () => only("developer", "management", { from_browser: true }),
    "projects",
    "key_not_for_browsers",
  ],
  [
    "an unknown project",
    () => developer({ project_id: crypto.randomUUID() }),
    "generation",
    "project_not_found",
  ],
  [
    "a deleted project",
    () => developer({ project_id: world.a.deleted_project_id }),
    "generation",
    "project_not_found",
  ],
  ["a project of another developer", () => developer(b()), "generation", "project_not_found"],
  ["an unknown API key", () => user(only("api", "unknown")), "generation", "api_key_invalid"],
  ["an API key of another project", () => user(keysOf(world.b, "api")), "generation", "api_key_invalid"],
  ["a revoked API key", () => user(only("api", "revoked")), "generation", "api_key_revoked"],
  ["a rotated API key", () => user(only("api", "rotated")), "generation", "api_key_rotated"],
  ["an expired API key", () => user(only("api", "expired")), "generation", "api_key_expired"],
  ["an end user of an inactive project", user, "account", "project_inactive", stopProject],
  ["a developer in an inactive project", () => developer(a()), "generation", "project_inactive", stopProject],
  [
    "an origin that the project does not allow",
    () => user({ origin: "https://evil.example" }),
    "generation",
    "origin_not_allowed",
    allowOneOrigin,
  ],
  [
    "an origin that the project allows",
    () => user({ origin: "https://app.example" }),
    "generation",
    null,
    allowOneOrigin,
  ],
  [
    "an unverified email in a project that requires verification",
    user,
    "account",
    "account_not_verified",
    demandVerification,
  ],
  ["empty credentials", () => ({}), "account", "not_authenticated"],
  ["null as credentials", () => null, "generation", "not_authenticated"],
  [
    "a developer key without management",
    () => only("developer", "active"),
    "projects",
    "management_key_required",
  ],
  [
    "a management key outside the management of projects",
    () => only("developer", "management", a()),
    "generation",
    "not_authenticated",
  ],
  ["another role than the caller's", () => user({ role: "developer" }), "account", "role_mismatch"],
  ["an end user in the management of projects", user, "projects", "developers_only"],
  ["a developer without a project", () => developer(), "generation", "project_id_required"],
  [
    "an end user without a developer key",
    () => without("developer_key_hash"),
    "generation",
    "developer_key_required",
  ],
  ["an end user without an API key", () => without("api_key_hash"), "generation", "api_key_required"],
];

describe("authorize", () => {
  test.each(cases)(
    "authorize gives the right verdict on %s",
    async (_name, credentials, scope, code, prepare) => {
      expect(await authorize(credentials(), scope, prepare)).toBe(code);
    },
  );

  test("the cases of authorize cover every code that it can raise", async () => {
    const [row] = await owner`select prosrc as source from pg_proc where oid = 'private.authorize'::regproc`;
    const codes = [...String(row?.source).matchAll(/'(\w+)'( \|\| fault)?/g)]
      .flatMap(([, text = "", composed]) =>
        composed === undefined ? [text] : ["revoked", "rotated", "expired"].map((state) => text + state),
      )
      .filter((code) => isErrorCode(code));
    const covered = cases.map(([, , , code]) => code);
    expect(codes.length).toBeGreaterThan(20);
    expect(codes.filter((code) => !covered.includes(code))).toEqual([]);
  });

  test("authorize marks a refusal as final only for a revoked or unknown key", async () => {
    const final: string[] = [];
    for (const [name, credentials, scope, code, prepare] of cases) {
      if (code === null) continue;
      const detail = await rolledBack(async (tx) => {
        await prepare?.(tx);
        await tx`select private.authorize(${tx.json(credentials())}::jsonb, ${scope})`;
      }).catch((error) => JSON.parse(error.detail));
      if (detail.is_final !== false) final.push(name);
    }
    expect(final).toEqual([
      "an unknown developer key",
      "a revoked developer key",
      "an unknown API key",
      "a revoked API key",
    ]);
  });

  test("no function of the schema private undoes the revocation of a key", async () => {
    const back = await owner`select proname from pg_proc
      where pronamespace = 'private'::regnamespace and prosrc ~* 'revoked_at\s*=\s*null'`;
    expect(back).toEqual([]);
  });

  test("authorize refuses a null scope", async () => {
    expect(await authorize({}, null)).toBe("not_authenticated");
  });

  test("authorize gives service_role only to an operator, and forgets an earlier caller of the transaction", async () => {
    const found = await rolledBack(async (tx) => {
      const rows = [];
      for (const credentials of [operator(), user(), {}]) {
        const [answer] = await tx`select private.authorize(${tx.json(credentials)}, 'public') as role`;
        const [row] =
          await tx`select current_setting('app.user_id') as id, current_setting('app.project_id') as project,
          current_setting('request.jwt.claims') as claims`;
        rows.push({ ...answer, ...row });
      }
      return rows;
    });
    expect(found).toMatchObject([
      { role: "service_role", id: world.operator.id, project: "" },
      { role: "authenticated", id: world.a.user.id, project: world.a.project_id },
      { role: "anon", id: "", project: "", claims: "" },
    ]);
  });
});
