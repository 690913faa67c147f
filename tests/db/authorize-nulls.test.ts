import { afterAll, beforeAll, expect, test } from "vitest";
import { admin, owner, refusalOf, rolledBack } from "../support/sql.ts";
import { endUserCredentials, hashOf, makeWorld, type World } from "../support/world.ts";

type Credentials = Record<string, string | null>;
const scopes = ["public", "account", "platform", "projects", "generation"] as const;
type Scope = (typeof scopes)[number];

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

afterAll(async () => {
  await Promise.all([owner.end(), admin.end()]);
});

test("authorize lets no null pass: every subset of valid credentials, absent or null, in every scope", async () => {
  const valid: Credentials = {
    ...endUserCredentials(world.a),
    operator_key_hash: hashOf(world.operator.operator_key).toString("hex"),
  };
  const names = Object.keys(valid);
  const wrong: string[] = [];
  for (let set = 0; set < 2 ** names.length; set++) {
    const sent = names.filter((_, index) => (set >> index) & 1);
    const absent = Object.fromEntries(sent.map((name) => [name, valid[name] ?? null]));
    const nulls = Object.fromEntries(
      names.map((name) => [name, sent.includes(name) ? (valid[name] ?? null) : null]),
    );
    for (const scope of scopes) {
      for (const credentials of [absent, nulls]) {
        const code = await refusalOf(
          rolledBack((tx) => tx`select private.authorize(${tx.json(credentials)}, ${scope})`),
        );
        const expected = verdict(new Set(sent), scope);
        if (code !== expected)
          wrong.push(`${sent.join("+") || "nothing"} in ${scope}: ${code}, not ${expected}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

/** What the rules say about these credentials of one end user and one operator, in the order in which they are checked. */
function verdict(sent: Set<string>, scope: Scope): string | null {
  const user = sent.has("user_id");
  if (user && !sent.has("session_id")) return "invalid_token";
  const actor = user ? "end_user" : sent.has("operator_key_hash") ? "operator" : undefined;
  if (scope === "public") return null;
  if (actor === undefined) {
    return scope === "projects" && sent.has("developer_key_hash")
      ? "management_key_required"
      : "not_authenticated";
  }
  if (scope === "projects") return actor === "end_user" ? "developers_only" : null;
  if (scope !== "generation") return null;
  if (!sent.has("project_id")) return "project_id_required";
  if (actor === "operator") return null;
  if (!sent.has("developer_key_hash")) return "developer_key_required";
  return sent.has("api_key_hash") ? null : "api_key_required";
}
