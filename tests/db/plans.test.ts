import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { admin } from "../support/sql.ts";

const rows = readFileSync(join(repositoryRoot, "docs", "limits.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) => line.split("|").map((cell) => cell.trim()));
/** The last three cells of each row that begins so. */
const documented = (first: string) =>
  rows.filter(([, cell]) => cell === first).map((cells) => cells.slice(-4, -1).map(numberOf));
const numberOf = (cell: string) =>
  cell === "no limit" ? null : Number.parseInt(cell.replaceAll(",", ""), 10);

test.each([
  ["`requests`", "requests_per_day"],
  ["`auth`", "auth_calls_per_hour"],
  ["`reads`", "reads_per_minute"],
  ["generations a UTC month", "generations_per_month"],
  ["generations at once", "concurrent_generations"],
  ["projects", "projects"],
  ["active API keys", "api_keys_per_project"],
])("docs/limits.md has the seeded value of each plan for %s", async (first, column) => {
  const plans = await admin`select id, ${admin(column)} as allowed from public.plans`;
  const kept = ["free", "starter", "premium"].map((name) => plans.find(({ id }) => id === name)?.allowed);
  const lines = documented(first);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toEqual(kept);
});
