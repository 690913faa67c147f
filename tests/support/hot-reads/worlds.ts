import { createHash } from "node:crypto";
import fc from "fast-check";

/** The rows of a world by table, for an insert. */
export type Rows = Record<string, Record<string, unknown>[]>;
export type SmallWorld = {
  rows: Rows;
  requests: Request[];
};
export type Request = {
  read: "me" | "status" | "first" | "next";
  credentials: Record<string, string | boolean>;
  generation_id: string;
  per_page: number;
  after: { created_at: string; id: string };
};

const counts = { developers: 6, projects: 12, users: 40, sessions: 80, keys: 30, generations: 150 };
const origins = ["https://app.example", "https://shop.app.example", "https://evil.example", "null"];

/** True for this percentage. Faults are rare, so that some requests succeed. */
const rarely = (one: number) => fc.nat(99).map((n) => n < one);
const instant = (chanceOfPast: number) =>
  fc
    .tuple(rarely(chanceOfPast), fc.integer({ min: 1, max: 1_000 }))
    .map(([isPast, minutes]) => new Date(Date.now() + (isPast ? -minutes : minutes) * 60_000).toISOString());
const sometimes = <T>(percent: number, value: fc.Arbitrary<T>) =>
  fc.tuple(rarely(percent), value).map(([is, made]) => (is ? made : null));
const index = (below: number) => fc.nat(below - 1);

/** The same seed gives the same ids. */
function idOf(kind: string, at: number, seed: number): string {
  const hex = createHash("sha256").update(`${kind} ${at} ${seed}`).digest("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}
const keyOf = (kind: string, at: number, seed: number) =>
  createHash("sha256").update(`${kind} key ${at} ${seed}`).digest("hex");

const keyState = fc.record({
  revoked_at: sometimes(4, instant(60)),
  grace_ends_at: sometimes(7, instant(60)),
  expires_at: sometimes(7, instant(60)),
});
const choices = fc.record({
  developers: many(counts.developers, fc.record({ isClosed: rarely(10), plan: index(3) })),
  projects: many(
    counts.projects,
    fc.record({
      owner: index(counts.developers),
      is_active: rarely(90),
      isDeleted: rarely(8),
      verifies: rarely(25),
      plan: sometimes(30, index(3)),
      origins: fc.constantFrom(["*"], ["*"], ["*"], [origins[0]], ["https://*.app.example"], []),
    }),
  ),
  users: many(
    counts.users,
    fc.record({
      project: index(counts.projects),
      isClosed: rarely(8),
      isVerified: rarely(60),
      isFull: rarely(5),
    }),
  ),
  sessions: many(counts.sessions, fc.record({ user: fc.nat(), not_after: instant(8) })),
  developer_keys: many(
    counts.keys,
    fc.record({ owner: index(counts.developers), management: rarely(20), state: keyState }),
  ),
  api_keys: many(counts.keys, fc.record({ project: index(counts.projects), state: keyState })),
  generations: many(
    counts.generations,
    fc.record({
      user: index(counts.users),
      moved: rarely(10),
      project: index(counts.projects),
      at: fc.nat(50),
    }),
  ),
  requests: many(
    1_000,
    fc.record({
      read: fc.constantFrom("me", "status", "first", "next"),
      session: index(counts.sessions),
      isForged: rarely(3),
      project: fc.nat(99),
      anyProject: index(counts.projects),
      developer: fc.nat(99),
      api: fc.nat(99),
      pick: fc.nat(),
      origin: sometimes(25, fc.constantFrom(...origins)),
      role: sometimes(20, fc.constantFrom("end_user", "end_user", "end_user", "developer", "operator")),
      isBare: rarely(40),
      generation: fc.nat(99),
      per_page: fc.integer({ min: 1, max: 4 }),
    }),
  ),
});

function many<T>(count: number, one: fc.Arbitrary<T>) {
  return fc.array(one, { minLength: count, maxLength: count });
}

/** A small world with rows in every state, and a thousand requests. The same seed gives the same world. */
export function makeSmallWorld(seed: number): SmallWorld {
  const [made] = fc.sample(fc.noBias(choices), { seed, numRuns: 1 });
  if (made === undefined) throw new Error("nothing was made");
  const id = (kind: string, at: number) => idOf(kind, at, seed);
  const plans = ["none", "wide", "full"].map((name) => `${name} ${seed}`);
  const past = new Date(Date.now() - 3_600_000).toISOString();
  const people = [
    ...made.users.map((user, at) => ({ id: id("user", at), ...user })),
    ...made.developers.map((_, at) => ({ id: id("developer", at) })),
  ];
  const userOf = (session: number) => (made.sessions[session]?.user ?? 0) % people.length;
  const month = `${new Date().toISOString().slice(0, 7)}-01`;
  const rows: Rows = {
    "public.plans": [
      { id: plans[0] },
      { id: plans[1], requests_per_day: 100, reads_per_minute: 50 },
      { id: plans[2], requests_per_day: 1, reads_per_minute: 1 },
    ],
    "auth.users": people.map((person) => ({ id: person.id })),
    "public.users": [
      ...made.developers.map(({ isClosed, plan }, at) => ({
        id: id("developer", at),
        role: "developer",
        plan_id: plans[plan],
        email: `developer-${at}-${seed}@example.com`,
        deactivated_at: isClosed ? past : null,
      })),
      ...made.users.map(({ project, isClosed, isVerified }, at) => ({
        id: id("user", at),
        role: "end_user",
        project_id: id("project", project),
        email: `user-${at}@example.com`,
        full_name: at % 3 === 0 ? null : `"Ada" \\ Ünı ${at}`,
        deactivated_at: isClosed ? past : null,
        email_verified_at: isVerified ? past : null,
      })),
    ],
    "public.projects": made.projects.map(({ owner, is_active, isDeleted, verifies, plan, origins }, at) => ({
      id: id("project", at),
      owner_id: id("developer", owner),
      name: `Project ${at}`,
      is_active,
      deleted_at: isDeleted ? past : null,
      email_verification: verifies ? "required" : "optional",
      plan_id: plan === null ? null : plans[plan],
      allowed_origins: origins,
    })),
    "auth.sessions": made.sessions.map(({ not_after }, at) => ({
      id: id("session", at),
      user_id: people[userOf(at)]?.id,
      not_after,
    })),
    "public.developer_keys": made.developer_keys.map(({ owner, management, state }, at) => ({
      id: id("developer key", at),
      user_id: id("developer", owner),
      key_prefix: "ak_small",
      key_hash: `\\x${keyOf("developer", at, seed)}`,
      management,
      ...state,
    })),
    "public.api_keys": made.api_keys.map(({ project, state }, at) => ({
      id: id("api key", at),
      project_id: id("project", project),
      key_prefix: "ak_small",
      key_hash: `\\x${keyOf("api", at, seed)}`,
      ...state,
    })),
    "public.generations": made.generations.map(({ user, moved, project, at: minutes }, at) => ({
      id: id("generation", at),
      user_id: id("user", user),
      project_id: id("project", moved ? project : (made.users[user]?.project ?? 0)),
      status: at % 4 === 0 ? "processing" : "completed",
      instructions: 'A "lighthouse"\n',
      model: "owner/model",
      outputs: at % 4 === 0 ? [] : [{ path: `${at}.png`, content_type: "image/png" }],
      charge: at % 4 === 0 ? "reserved" : "committed",
      charged_month: month,
      completed_at: at % 4 === 0 ? null : past,
      // Some have the same time, so that the id decides their order.
      created_at: new Date(Date.now() - minutes * 60_000).toISOString().replace(/\.\d+Z$/, ".5Z"),
    })),
    "private.rate_limits": made.users.flatMap(({ isFull }, at) =>
      isFull
        ? [
            {
              bucket: `reads:${id("user", at)}`,
              used: 100,
              resets_at: new Date(Date.now() + 3_600_000).toISOString(),
            },
          ]
        : [],
    ),
  };
  const requests = made.requests.map((request): Request => {
    const who = userOf(request.session);
    const project = made.users[who]?.project ?? request.anyProject;
    const among = <T>(list: T[], fits: (item: T) => boolean, isRight: boolean) => {
      const chosen = list.flatMap((item, at) => (fits(item) === isRight ? [at] : []));
      return chosen[request.pick % Math.max(1, chosen.length)] ?? 0;
    };
    const owner = made.projects[project]?.owner;
    // `me` is also requested without the keys of an app.
    const isBare = request.read === "me" && request.isBare;
    const developer_key = among(made.developer_keys, (key) => key.owner === owner, request.developer < 97);
    const api_key = among(made.api_keys, (key) => key.project === project, request.api < 97);
    const generation = among(
      made.generations,
      (one) => one.user === who && (one.moved ? one.project : project) === project,
      request.generation < 70,
    );
    const credentials: Request["credentials"] = {
      session_id: id("session", request.session),
      user_id: people[request.isForged ? request.pick % people.length : who]?.id ?? "",
    };
    if (request.project >= 6 && !isBare)
      credentials.project_id = id("project", request.project < 9 ? request.anyProject : project);
    if (request.project === 9) credentials.project_id = id("nothing", request.pick);
    if (request.developer >= 5 && !isBare)
      credentials.developer_key_hash = keyOf(
        "developer",
        request.developer === 5 ? 999 : developer_key,
        seed,
      );
    if (request.api >= 5 && !isBare)
      credentials.api_key_hash = keyOf("api", request.api === 5 ? 999 : api_key, seed);
    if (request.origin !== null) Object.assign(credentials, { origin: request.origin, from_browser: true });
    if (request.role !== null) credentials.role = request.role;
    const named = rows["public.generations"]?.[generation];
    return {
      read: request.read as Request["read"],
      credentials,
      generation_id: request.generation > 96 ? id("nothing", request.pick) : String(named?.id),
      per_page: request.per_page,
      after: { created_at: String(named?.created_at), id: String(named?.id) },
    };
  });
  return { rows, requests };
}
