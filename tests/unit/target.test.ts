import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readTarget, type TargetFile } from "../support/target.ts";

const folder = mkdtempSync(join(tmpdir(), "cloud-api-target-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const whole = {
  url: "https://ref.supabase.co/",
  database_url: "postgresql://postgres:secret@db.ref.supabase.co:5432/postgres",
  publishable_key: "sb_publishable_1",
  secret_key: "sb_secret_1",
  operator_key: "ok_1",
  cron_secret: "a-secret-of-16-characters",
} satisfies TargetFile;

function file(content: unknown): string {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("without variables in the environment the suite starts its own stack", () => {
  expect(readTarget({})).toBeUndefined();
});

test("a target file describes a stack, and missing settings are derived from the others", () => {
  expect(readTarget({ CLOUD_API_TARGET: file(whole) })).toEqual({
    embedded: false,
    urls: {
      gateway: "https://ref.supabase.co",
      base: "https://ref.supabase.co/functions/v1",
      api: "https://ref.supabase.co/functions/v1/api/v1",
    },
    keys: {
      publishable: "sb_publishable_1",
      secret: "sb_secret_1",
      cron_secret: "a-secret-of-16-characters",
    },
    database_url: whole.database_url,
    admin_database_url: whole.database_url,
    credentials: { operator_key: "ok_1" },
  });
});

test("variables can describe the target stack too, and take precedence over the file", () => {
  const variables = Object.fromEntries(
    Object.entries(whole).map(([name, value]) => [`CLOUD_API_${name.toUpperCase()}`, value]),
  );
  expect(readTarget(variables)).toEqual(readTarget({ CLOUD_API_TARGET: file(whole) }));
  const both = { CLOUD_API_TARGET: file(whole), CLOUD_API_BASE_URL: "https://api.example.com" };
  expect(readTarget(both)?.urls.api).toBe("https://api.example.com/api/v1");
});

test("an error about the target names each missing, wrong or unknown setting, and shows no value", () => {
  const { secret_key: _, ...without } = whole;
  expect(() => readTarget({ CLOUD_API_TARGET: file(without) })).toThrow(/CLOUD_API_SECRET_KEY.*is missing/);
  const wrong = file({ ...whole, url: "no address", operatr_key: "ok_secret" });
  expect(() => readTarget({ CLOUD_API_TARGET: wrong })).toThrow(/CLOUD_API_URL/);
  expect(() => readTarget({ CLOUD_API_TARGET: wrong })).toThrow(/operatr_key/);
  expect(() => readTarget({ CLOUD_API_TARGET: wrong })).not.toThrow(/ok_secret|no address/);
});

test("the fuzzer needs only the URL and the operator key of its target", () => {
  const { url, operator_key } = whole;
  expect(readTarget({ CLOUD_API_URL: url, CLOUD_API_OPERATOR_KEY: operator_key }, [])?.credentials).toEqual({
    operator_key,
  });
});
