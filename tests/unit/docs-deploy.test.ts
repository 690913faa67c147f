import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { runProgram } from "../support/runtimes.ts";
import { snippetsOf } from "../support/snippets.ts";

const folder = mkdtempSync(join(tmpdir(), "cloud-api-deploy-"));
const settings = join(folder, ".env");
const documented = "supabase/functions/.env.production";
const blocks = snippetsOf("docs/operations.md").map(({ text }) => text);
const command = blocks.find((text) => text.startsWith("npm run deploy")) ?? "";
const args = command.replace("npm run deploy -- ", "").split(" ");
const dryRun = () =>
  runProgram(
    process.execPath,
    [join(repositoryRoot, "scripts/deploy.ts"), ...args, "--settings", settings],
    folder,
  );
const commandsIn = (output: string) => output.split("\n").filter((line) => /^(np[mx]|node) /.test(line));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a dry run of the deployment without a settings file prints its commands and what is missing", async () => {
  const { code, output } = await dryRun();
  expect(code).toBe(1);
  expect(output).toContain(`${settings} is missing`);
  expect(commandsIn(output).length).toBeGreaterThan(5);
});

test("docs/operations.md shows the commands that a dry run of the deployment prints, without secrets", async () => {
  const values = {
    REPLICATE_API_TOKEN: "r8_x",
    CRON_SECRET: "a-secret-of-the-cron",
    DATABASE_URL: "postgresql://postgres@pooler:6543/postgres",
    MAIL_FROM: "no-reply@example.com",
    RESEND_API_KEY: "re_x",
  };
  writeFileSync(
    settings,
    Object.entries(values)
      .map((pair) => `${pair.join("=")}\n`)
      .join(""),
  );
  const { code, output } = await dryRun();
  expect(code, output).toBe(0);
  expect(blocks).toContain(commandsIn(output.replaceAll(settings, documented)).join("\n"));
  expect(output).not.toContain(values.CRON_SECRET);
});
