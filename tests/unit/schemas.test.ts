import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { migrationNames } from "../../scripts/schema/baseline.ts";
import { isErrorCode } from "../../supabase/functions/api/errors.ts";

const folder = join(repositoryRoot, "supabase/schemas");
const files = readdirSync(folder).sort();
const textOf = (name: string) => readFileSync(join(folder, name), "utf8");
const all = files.map(textOf).join("\n");

/** The head of each definition and comment: `create table public.users`, `comment on function private.f(uuid)`. */
const statements = [
  ...all.matchAll(
    /^(create (?:unlogged )?(?:table|view|schema|policy|trigger)(?: if not exists)? \S+(?:[^;]*? on \S+)?|create (?:unique )?index \S+|create function [^)]*\)|comment on [^']*? is)/gm,
  ),
].map(([text]) => text.replaceAll(/\s+/g, " "));

test.each(files)(
  "%s is named by a number and a noun, begins with a comment, and has at most 250 lines",
  (name) => {
    expect(name).toMatch(/^\d{2}_[a-z_]+\.sql$/);
    expect(textOf(name)).toMatch(/^-- [A-Z]/);
    expect(textOf(name).split("\n").length).toBeLessThanOrEqual(251);
  },
);

test("the schema files define each object once, comment it once, and never alter it", () => {
  expect(statements.length).toBeGreaterThan(400);
  expect(statements.filter((text, index) => statements.indexOf(text) !== index)).toEqual([]);
  expect(
    all.match(
      /create or replace|^drop |^alter (function|policy|view)(?! \S+ owner to )|\b(add|drop) column\b/gm,
    ),
  ).toBeNull();
});

test("each exception in SQL is a code of errors.ts or has its own SQLSTATE, and SQL names no HTTP status", () => {
  const raises = [...all.matchAll(/raise exception '([^']+)'([^;]*)/g)];
  expect(raises.length).toBeGreaterThan(40);
  const unknown = raises.filter(
    ([, code, rest]) => code !== "%" && !isErrorCode(String(code)) && !rest?.includes("errcode"),
  );
  expect(unknown.map(([, code]) => code)).toEqual([]);
  expect(all.match(/'PT\d+'|[a-z]_[a-z]+ \(4\d\d[,)]/g)).toBeNull();
  expect(
    all.match(/detail = (?!jsonb_build_object\('(retry_after_seconds|rate_limit|is_final)')/g),
  ).toBeNull();
});

describe("a migration", () => {
  test.each(migrationNames())("the name of migration %s begins with a valid time", (name) => {
    const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(name) ?? [];
    const [date, time] = [parts.slice(0, 3).join("-"), parts.slice(3).join(":")];
    expect(new Date(`${date}T${time}Z`).toISOString()).toBe(`${date}T${time}.000Z`);
  });
});
