import type { Sql } from "postgres";
import type { Facts, Person } from "../seed.ts";

export type Explained = {
  name: string;
  ms: number;
  /** What it reads, in order: an index, or a whole table. */
  reads: string[];
};

type Plan = {
  "Node Type": string;
  "Index Name"?: string;
  "Relation Name"?: string;
  Plans?: Plan[];
  "Actual Loops"?: number;
};

type Explanation = { "QUERY PLAN": { Plan: Plan; "Execution Time": number }[] };

/** Statements that only a policy restricts, as PostgREST would run them with the caller's token. */
const statements = (facts: Facts): [string, string, string][] => {
  const user = bearerOf(facts.people[0] as Person);
  const developer = String(facts.developer_headers.Authorization).slice(7);
  return [
    ["a person's own account", user, "select id from public.users"],
    [
      "a person's generations, newest 20",
      user,
      "select id from public.generations order by created_at desc, id desc limit 20",
    ],
    ["how many a person has", user, "select count(id) from public.generations"],
    ["a developer's projects", developer, "select id from public.projects"],
    ["a developer's keys", developer, "select id from public.api_keys"],
    [
      "a developer's people, newest 20",
      developer,
      "select id from public.users order by created_at desc, id desc limit 20",
    ],
    ["a developer's usage", developer, "select generations from public.generation_usage"],
  ];
};

const bearerOf = ({ headers }: Person) => String(headers.Authorization).slice(7);

/** `explain (analyze)` of each, under row-level security. */
export async function explainPolicies(admin: Sql, facts: Facts): Promise<Explained[]> {
  const explained: Explained[] = [];
  for (const [name, token, statement] of statements(facts)) {
    const claims = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
    await admin.begin(async (tx) => {
      await tx`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true)`;
      const rows = await tx.unsafe<Explanation[]>(`explain (analyze, format json) ${statement}`);
      for (const { "QUERY PLAN": plans } of rows) {
        for (const { Plan, "Execution Time": ms } of plans)
          explained.push({ name, ms, reads: readsOf(Plan) });
      }
    });
  }
  return explained;
}

function readsOf(plan: Plan): string[] {
  const below = (plan.Plans ?? []).flatMap(readsOf);
  if (plan["Actual Loops"] === 0) return [];
  if (plan["Node Type"] === "Seq Scan") return [`all of ${plan["Relation Name"]}`, ...below];
  return plan["Index Name"] === undefined ? below : [plan["Index Name"], ...below];
}
