import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newKeys, readKeys } from "./keys.ts";

test("signing keys that somebody wrote into keys.json as a list are read like those in a string", () => {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keys = newKeys();
  const file = join(folder, "keys.json");
  writeFileSync(file, JSON.stringify({ ...keys, signing_keys: JSON.parse(keys.signing_keys) }));
  expect(readKeys(file)).toEqual(keys);
});
