import { beforeAll, expect, test } from "vitest";
import { refusalOf, rolledBack } from "../support/sql.ts";
import { endUserCredentials, hashOf, makeWorld, type World } from "../support/world.ts";

type Credentials = Record<string, string | null>;
const scopes = ["public", "account", "platform", "projects", "generation"] as const;
type Scope = (typeof scopes)[number];

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

test("authorize follows its rules for every subset of valid credentials in every scope", async () => {
  expect(await wrongVerdicts((sent) => pick(sent), verdict)).toEqual([]);
});

test("authorize refuses null credentials wherever it refuses missing ones", async () => {
  const nulls = (sent: Set<string>) =>
    Object.fromEntries(Object.keys(valid()).map((name) => [name, pick(sent)[name] ?? null]));
  const mustRefuse = (sent: Set<string>, scope: Scope) => (verdict(sent, scope) === null ? "any" : "refused");
  expect(await wrongVerdicts(nulls, mustRefuse)).toEqual([]);
});

const valid = (): Credentials => ({
  ...endUserCredentials(world.a),
  operator_key_hash: hashOf(world.operator.operator_key).toString("hex"),
});
const pick = (sent: Set<string>): Credentials =>
  Object.fromEntries(Object.entries(valid()).filter(([name]) => sent.has(name)));

async function wrongVerdicts(
  credentialsOf: (sent: Set<string>) => Credentials,
  expectedOf: (sent: Set<string>, scope: Scope) => string | null,
): Promise<string[]> {
  const [names, wrong]: [string[], string[]] = [Object.keys(valid()), []];
  for (let set = 0; set < 2 ** names.length; set++) {
    const sent = new Set(names.filter((_, index) => (set >> index) & 1));
    for (const scope of scopes) {
      const credentials = credentialsOf(sent);
      const code = await refusalOf(
        rolledBack((tx) => tx`select private.authorize(${tx.json(credentials)}, ${scope})`),
      );
      const expected = expectedOf(sent, scope);
      const isRight = expected === "any" || (expected === "refused" ? code !== null : code === expected);
      if (!isRight) wrong.push(`${[...sent].join("+") || "nothing"} in ${scope}: ${code}, not ${expected}`);
    }
  }
  return wrong;
}

/** The expected code for these credentials of an end user and an operator, in the order of the checks. */
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
