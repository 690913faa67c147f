import { beforeAll, describe, expect, test } from "vitest";
import { makeKeys } from "../support/keys.ts";
import { owner, rolledBack, type Tx } from "../support/sql.ts";
import { credentialsOf, endUserCredentials, hashOf, makeWorld, type World } from "../support/world.ts";

type Credentials = Record<string, unknown>;

let world: World;
let management: string;
beforeAll(async () => {
  world = await makeWorld();
  management = hashOf((await makeKeys(world))["developer management"] ?? "").toString("hex");
});
const endUser = (more: Credentials = {}): Credentials => ({ ...endUserCredentials(world.a), ...more });
const developer = (more: Credentials = {}): Credentials => ({
  ...credentialsOf({ token: world.a.developer.token }),
  ...more,
});
const operator = (more: Credentials = {}): Credentials => ({
  operator_key_hash: hashOf(world.operator.operator_key).toString("hex"),
  ...more,
});
const a = () => ({ project_id: world.a.project_id });
const b = () => ({ project_id: world.b.project_id });
const address = (project: string, ip: string) => async (tx: Tx) =>
  `reads|${(await tx`select private.address_bucket('reads', ${project || null}, ${ip || null}) as name`)[0]?.name}`;
const ofDeveloper = () => world.a.developer.id;
const ofUser = () => world.a.user.id;

/** The plan of A's owner has 10 requests and 20 reads, that of A's project 30 and 40, and the default plan 50 and 60. */
async function limit(tx: Tx): Promise<void> {
  await tx`insert into public.plans (id, requests_per_day, reads_per_minute) values
    ('of owner', 10, 20), ('of project', 30, 40)`;
  await tx`update public.plans set requests_per_day = 50, reads_per_minute = 60 where is_default`;
  await tx`update public.users set plan_id = 'of owner' where id = ${world.a.developer.id}`;
  await tx`update public.projects set plan_id = 'of project' where id = ${world.a.project_id}`;
}

type Announced = string | null | ((tx: Tx) => Promise<string>);
/** The caller, the scope, and the limit that counts the request. Null means no limit. */
const cases: [string, () => Credentials, string, () => Announced][] = [
  [
    "an end user who generates",
    endUser,
    "generation",
    () => `requests|requests:${world.a.project_id}|30|86400`,
  ],
  ["an end user who polls", endUser, "status", () => `reads|reads:${ofUser()}|40|60`],
  ["an end user who reads the account", endUser, "account", () => `reads|reads:${ofUser()}|40|60`],
  ["an end user who reads the public list", endUser, "public", () => `reads|reads:${ofUser()}|40|60`],
  [
    "a developer who generates",
    () => developer(a()),
    "generation",
    () => `requests|requests:${world.a.project_id}|30|86400`,
  ],
  ["a developer who polls", () => developer(a()), "status", () => `reads|reads:${ofDeveloper()}|40|60`],
  ["a developer who manages", developer, "projects", () => `requests|requests:${ofDeveloper()}|10|86400`],
  [
    "a developer who manages and names another developer's project",
    () => developer(b()),
    "projects",
    () => `requests|requests:${ofDeveloper()}|10|86400`,
  ],
  ["a developer's own account", developer, "account", () => `reads|reads:${ofDeveloper()}|20|60`],
  [
    "a management key",
    () => ({ developer_key_hash: management }),
    "projects",
    () => `requests|requests:${ofDeveloper()}|10|86400`,
  ],
  [
    "an anonymous caller without a project",
    () => ({ ip: "203.0.113.7" }),
    "public",
    () => async (tx) => `${await address("", "203.0.113.7")(tx)}|60|60`,
  ],
  [
    "an anonymous caller with a project",
    () => ({ ip: "203.0.113.7", ...a() }),
    "public",
    () => async (tx) => `${await address(world.a.project_id, "203.0.113.7")(tx)}|40|60`,
  ],
  [
    "an anonymous caller in the same IPv6 /64 network",
    () => ({ ip: "2001:db8:1:2:ffff::9", ...a() }),
    "public",
    () => async (tx) => `${await address(world.a.project_id, "2001:db8:1:2::1")(tx)}|40|60`,
  ],
  [
    "an anonymous caller without an IP address",
    () => ({}),
    "public",
    () => async (tx) => `${await address("", "")(tx)}|60|60`,
  ],
  ["an operator who generates", () => operator(a()), "generation", () => null],
  ["an operator who manages", operator, "projects", () => null],
  ["an operator who reads the platform", operator, "platform", () => null],
  [
    "a request that was counted already",
    () => endUser({ rate_limit: { limit: 1 } }),
    "generation",
    () => null,
  ],
  [
    "a request that was found to have no limit",
    () => endUser({ rate_limit: null }),
    "generation",
    () => null,
  ],
];

describe("the limit of a request", () => {
  test.each(cases)("the right limit counts %s", async (_name, credentials, scope, expected) => {
    await rolledBack(async (tx) => {
      await limit(tx);
      const announced = expected();
      const wanted = typeof announced === "function" ? await announced(tx) : announced;
      await tx`select private.authorize(${tx.json(credentials() as never)}::jsonb, ${scope})`;
      const [row] = await tx`select nullif(current_setting('app.limit'), '') as announced`;
      expect(row?.announced).toBe(wanted);
    });
  });

  test("a plan without limits counts no request", async () => {
    await rolledBack(async (tx) => {
      for (const scope of ["generation", "status", "account", "public"]) {
        await tx`select private.authorize(${tx.json(endUser() as never)}::jsonb, ${scope})`;
        expect((await tx`select current_setting('app.limit') as announced`)[0]?.announced).toBe("");
      }
    });
  });
});

describe("the limit of a login", () => {
  const find = async (tx: Tx, credentials: Credentials) => {
    await tx`select set_config('app.limit', '', true)`;
    await tx`select private.announce_auth_limit(${tx.json(credentials as never)}::jsonb)`;
    return (await tx`select current_setting('app.limit') as announced`)[0]?.announced as string;
  };

  test("a login counts per IP address by the plan of its project, else by the default plan, and never for operators", async () => {
    await rolledBack(async (tx) => {
      await limit(tx);
      await tx`update public.plans set auth_calls_per_hour = case id when 'of project' then 7 else 8 end`;
      const bucket = async (project: string | null) =>
        (await tx`select private.address_bucket('auth', ${project}, '203.0.113.7') as name`)[0]?.name;
      const ip = "203.0.113.7";
      expect(await find(tx, { ip, ...a() })).toBe(`auth|${await bucket(world.a.project_id)}|7|3600`);
      expect(await find(tx, { ip })).toBe(`auth|${await bucket(null)}|8|3600`);
      expect(await find(tx, { ip, project_id: crypto.randomUUID() })).toBe(
        `auth|${await bucket(null)}|8|3600`,
      );
      expect(await find(tx, operator({ ip }))).toBe("");
      expect(await find(tx, { ip, operator_key_hash: "00" })).toBe(`auth|${await bucket(null)}|8|3600`);
    });
  });
});

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["::ffff:cb00:7107", "203.0.113.7"],
  ["::1", "::/64"],
  ["2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"],
  [null, null],
])("the IP address %s is counted as %s", async (ip, group) => {
  expect((await owner`select private.address_group(${ip}) as found`)[0]?.found).toBe(group);
});

test("functions named get, list, find or check write nothing, since with Redis they run before the count", async () => {
  const rows = await owner`
    select proname, prosrc from pg_catalog.pg_proc
    where pronamespace = 'private'::regnamespace and proname ~ '^(get|list|find|check)_'
      and pg_get_function_arguments(oid) like 'credentials jsonb%'`;
  expect(rows.length).toBeGreaterThan(15);
  const changing = rows.filter(({ prosrc }) =>
    /\b(insert|update|delete|truncate|for update)\b/i.test(prosrc),
  );
  expect(changing.map(({ proname }) => proname)).toEqual([]);
});
