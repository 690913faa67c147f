import { expect, test } from "vitest";
import { instantFields } from "../../supabase/functions/api/instants.ts";
import { expandSchema, operations, type Schema } from "../support/contract/document.ts";
import { owner } from "../support/sql.ts";

/** Instants that the API itself makes. */
const ours = ["at", "timestamp"];

test("the fields that the API formats as instants are exactly the instants of the tables", async () => {
  const columns = await owner<{ name: string; type: string }[]>`
    select attname as name, format_type(atttypid, null) as type from pg_attribute
    join pg_class c on c.oid = attrelid
    where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped`;
  const isInstant = ({ type }: { type: string }) => type === "timestamp with time zone";
  const others = columns.filter((column) => instantFields.has(column.name) && !isInstant(column));
  expect(others).toEqual([]);
  // The audit log shows each column of these tables by its name.
  const audited = await owner<{ name: string }[]>`
    select distinct attname as name from pg_trigger join pg_attribute on attrelid = tgrelid
    where tgfoid::regproc::text like '%audit%' and tgrelid in ('public.users'::regclass, 'public.projects'::regclass,
      'public.api_keys'::regclass) and atttypid = 'timestamptz'::regtype and attnum > 0`;
  expect(audited.length).toBeGreaterThan(5);
  const missed = audited.filter(({ name }) => !instantFields.has(name));
  expect(missed.map(({ name }) => name)).toEqual([]);
});

test("every date-time field of the contract is formatted as an instant", () => {
  const found = new Set<string>();
  const walk = (schema: Schema, name: string): void => {
    if (schema.format === "date-time") found.add(name);
    for (const [field, part] of Object.entries<Schema>(schema.properties ?? {})) walk(part, field);
    for (const part of [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])])
      if (typeof part === "object") walk(part, name);
  };
  for (const { responses } of operations)
    for (const { content = {} } of Object.values(responses))
      for (const { schema } of Object.values(content)) walk(expandSchema(schema, true), "");
  expect(found.size).toBeGreaterThan(10);
  expect([...found].filter((name) => !instantFields.has(name) && !ours.includes(name))).toEqual([]);
});
