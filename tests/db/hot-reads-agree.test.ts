import { expect, test } from "vitest";
import { createHotReads } from "../../supabase/functions/api/clients/hot-reads.ts";
import { statementFor } from "../../supabase/functions/api/clients/statement-for.ts";
import { ownAccount } from "../../supabase/functions/api/resources/auth/store.ts";
import { ownGeneration, ownPage } from "../../supabase/functions/api/resources/generations/store.ts";
import { makeSmallWorld, type Request, type SmallWorld } from "../support/hot-reads/worlds.ts";
import { rolledBack, type Tx } from "../support/sql.ts";

const seed = Number(process.env.HOT_READS_SEED ?? Math.floor(Math.random() * 1_000_000));
/** These seeds are fixed, since every reason of a refusal occurs in them. */
const known = [1, 2, 3, 4];
const seeds = [...known, ...Array.from({ length: 6 }, (_, at) => seed * 6 + at)];

/** Each read as hot read and as complete function, with the types of its arguments. */
const reads = {
  me: { hot: () => ownAccount, complete: "get_me", hotTypes: [], completeTypes: [] },
  status: {
    hot: () => ownGeneration,
    complete: "get_generation_status",
    hotTypes: ["uuid"],
    completeTypes: ["uuid"],
  },
  first: {
    hot: (size: number) => ownPage("first", size),
    complete: "list_generations",
    hotTypes: [],
    completeTypes: ["integer", "integer", "text", "uuid", "bigint"],
  },
  next: {
    hot: (size: number) => ownPage("next", size),
    complete: "list_generations",
    hotTypes: ["timestamptz", "uuid", "bigint"],
    completeTypes: ["integer", "integer", "text", "uuid", "bigint"],
  },
} as const;

function argsOf({ read, generation_id, per_page, after }: Request) {
  if (read === "me") return { hot: [], complete: [] };
  if (read === "status") return { hot: [generation_id], complete: [generation_id] };
  if (read === "first") return { hot: [], complete: [1, per_page, null, null, null] };
  const { created_at, id } = after;
  return { hot: [created_at, id, 7], complete: [1, per_page, created_at, id, 7] };
}

type Outcome = {
  rows: number;
  refusals: Record<string, number>;
  wrong: string[];
};

/** Answers each request of a world both ways, each in its own transaction, and compares the answers. */
async function compare(tx: Tx, { rows, requests }: SmallWorld): Promise<Outcome> {
  await tx`set local session_replication_role = replica`;
  for (const [table, list] of Object.entries(rows)) {
    const columns = [...new Set(list.flatMap(Object.keys))].join(", ");
    if (columns !== "")
      await tx.unsafe(
        `insert into ${table} (${columns}) select ${columns} from jsonb_populate_recordset(null::${table}, $1::text::jsonb)`,
        [JSON.stringify(list)],
      );
  }
  // A connection uses generic plans after some requests.
  await tx`set local plan_cache_mode = force_generic_plan`;
  const made = new Map<string, string>();
  const functionFor = async (text: string, types: readonly string[]) => {
    const known = made.get(text);
    if (known !== undefined) return known;
    const name = `pg_temp.read_${made.size}`;
    made.set(text, name);
    await tx.unsafe(`create function ${name}(${types.join(", ")}) returns table (answer json, counted jsonb)
      language plpgsql as $function$ begin return query select q.result::json, q.rate_limit::jsonb from (${text}) q; end $function$`);
    return name;
  };
  const literal = (value: unknown) =>
    value === null
      ? "null"
      : `'${String(typeof value === "object" ? JSON.stringify(value) : value).replaceAll("'", "''")}'`;
  const callOf = async (text: string, types: readonly string[], values: readonly unknown[]) =>
    `select answer::text as result, counted::text as rate_limit from ${await functionFor(text, types)}(${values.map(literal).join(", ")})`;

  const calls = [];
  for (const request of requests) {
    const { hot, complete, hotTypes, completeTypes } = reads[request.read];
    const args = argsOf(request);
    const statement = createHotReads().statementOf(
      hot(request.per_page),
      args.hot,
      request.credentials,
    )?.("counted");
    const sent = [request.credentials, ...args.complete];
    const optional =
      statement?.values.slice(args.hot.length).map((_, at) => (at < 2 ? "uuid" : undefined)) ?? [];
    if (request.credentials.project_id !== undefined && optional.length > 2) optional[2] = "uuid";
    calls.push({
      hot:
        statement === undefined
          ? null
          : await callOf(
              statement.text,
              [...hotTypes, ...optional.map((type) => type ?? "text")],
              statement.values,
            ),
      complete: await callOf(statementFor(complete, sent, true), ["jsonb", ...completeTypes], sent),
    });
  }
  await tx.unsafe(comparison);
  const [row] = await tx`select pg_temp.compare(${JSON.stringify(calls)}::text::jsonb) as outcome`;
  return row?.outcome as Outcome;
}

const comparison = `
  create function pg_temp.ask(call text, out answer jsonb) language plpgsql as $$
  declare
    found record;
  begin
    begin
      execute call into found;
      answer := jsonb_build_object('result', found.result::jsonb, 'rate_limit', found.rate_limit::jsonb);
      -- The rollback removes the settings of this caller before the next request.
      raise exception 'rolled back';
    exception when raise_exception then
      if sqlerrm <> 'rolled back' then
        answer := jsonb_build_object('refusal', sqlerrm);
      end if;
    end;
  end $$;
  create function pg_temp.compare(calls jsonb) returns jsonb language plpgsql as $$
  declare
    call jsonb;
    hot jsonb;
    complete jsonb;
    rows integer := 0;
    refusals jsonb := '{}';
    wrong text[] := '{}';
    code text;
  begin
    for call in select * from jsonb_array_elements(calls) loop
      continue when call ->> 'hot' is null;
      hot := pg_temp.ask(call ->> 'hot');
      complete := pg_temp.ask(call ->> 'complete');
      -- The hot read formats created_at of an account already, so the formats must be made equal.
      if hot #> '{result,is_verified}' is not null then
        hot := jsonb_set(hot, '{result,created_at}', to_jsonb((hot #>> '{result,created_at}')::timestamptz));
      end if;
      code := complete ->> 'refusal';
      if code is not null then
        refusals := jsonb_set(refusals, array[code], to_jsonb(coalesce((refusals ->> code)::integer, 0) + 1));
      end if;
      if hot ->> 'result' is not null then
        rows := rows + 1;
      end if;
      if hot is distinct from complete and (hot ? 'refusal' or hot ->> 'result' is not null) then
        wrong := wrong || concat_ws(E'\\n', call ->> 'hot', hot::text, call ->> 'complete', complete::text);
      end if;
    end loop;
    return jsonb_build_object('rows', rows, 'refusals', refusals, 'wrong', wrong[1:3]);
  end $$`;

test(`hot reads answer 10,000 random requests as the complete functions do (HOT_READS_SEED=${seed})`, async () => {
  const outcomes = await Promise.all(
    seeds.map((one) => rolledBack((tx) => compare(tx, makeSmallWorld(one)))),
  );
  expect(outcomes.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(outcomes.reduce((sum, { rows }) => sum + rows, 0)).toBeGreaterThan(500);
  const refusals = new Set(
    outcomes.slice(0, known.length).flatMap((outcome) => Object.keys(outcome.refusals)),
  );
  expect([...refusals].sort()).toEqual(reasons);
});

/** Every code that a request of a hot read can be refused with. */
const reasons = [
  "account_deactivated",
  "account_not_verified",
  "api_key_expired",
  "api_key_invalid",
  "api_key_revoked",
  "api_key_rotated",
  "developer_key_expired",
  "developer_key_invalid",
  "developer_key_revoked",
  "developer_key_rotated",
  "generation_not_found",
  "invalid_token",
  "key_not_for_browsers",
  "origin_not_allowed",
  "project_inactive",
  "project_not_found",
  "rate_limited",
  "role_mismatch",
];
