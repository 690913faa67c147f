import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { runProgram } from "../support/runtimes.ts";
import { startTestStack, type TestStack } from "../support/stack.ts";

const folder = mkdtempSync(join(tmpdir(), "cloud-api-target-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a stand-in for the CLI of a machine with Docker. It prints the addresses and keys of another stack. */
function standInCli({ urls, keys, database_url }: TestStack): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const status = {
    API_URL: urls.gateway,
    DB_URL: database_url,
    PUBLISHABLE_KEY: keys.publishable,
    SECRET_KEY: keys.secret,
    ANON_KEY: keys.anon,
    SERVICE_ROLE_KEY: keys.service_role,
    JWT_SECRET: keys.jwt_secret,
  };
  writeFileSync(join(folder, "status.json"), JSON.stringify(status));
  const script = `#!/bin/sh\n[ "$*" = "status -o json" ] && echo 'Stopped services: [x]' >&2 && cat '${join(folder, "status.json")}'\n`;
  writeFileSync(join(bin, "supabase"), script, { mode: 0o755 });
  return bin;
}

test("the target script writes a target file from the CLI's status, and the API suites pass against that target", async () => {
  // This stack uses HS256 and version 2 of refresh tokens. The suite's own stack uses the other settings.
  const stack = await startTestStack({ access_tokens: "HS256", refresh_tokens: "v2" });
  try {
    const file = join(folder, "target.json");
    const settings = join(folder, "functions.env");
    writeFileSync(settings, `CRON_SECRET=${stack.keys.cron_secret}\n`);
    const written = await runProgram(
      process.execPath,
      ["scripts/target.ts", file, "--settings", settings],
      repositoryRoot,
      {
        PATH: `${standInCli(stack)}${delimiter}${process.env.PATH}`,
      },
    );
    expect(written).toEqual({ code: 0, output: `CLOUD_API_TARGET=${file} npm test -- api\n` });
    expect(statSync(file).mode & 0o077).toBe(0);

    const names = ["paths", "story", "identity", "refresh", "bad-input", "auth-admin", "auth-direct"];
    const files = names.map((name) => `tests/api/${name}.test.ts`);
    const vitest = join(repositoryRoot, "node_modules", "vitest", "vitest.mjs");
    const args = [vitest, "run", "--project", "api", ...files];
    const { code, output } = await runProgram(process.execPath, args, repositoryRoot, {
      CLOUD_API_TARGET: file,
      CLOUD_API_ADMIN_DATABASE_URL: stack.admin_database_url,
      CLOUD_API_INBOX_URL: stack.urls.inbox,
      CLOUD_API_REPLICATE_URL: stack.urls.replicate,
      VITEST: undefined,
      VITEST_POOL_ID: undefined,
      VITEST_WORKER_ID: undefined,
    });
    expect(output).toMatch(/Test Files .*7 passed/);
    expect(code, output).toBe(0);
  } finally {
    await stack.stop();
  }
}, 240_000);

test("without a running stack or without settings, the target script exits with 1 and says what to do", async () => {
  const bin = join(folder, "none");
  mkdirSync(bin);
  writeFileSync(join(bin, "supabase"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}` };
  const settings = join(folder, "functions.env");
  const noStack = await runProgram(
    process.execPath,
    ["scripts/target.ts", "x.json", "--settings", settings],
    repositoryRoot,
    env,
  );
  expect(noStack).toMatchObject({ code: 1, output: expect.stringContaining("npx supabase start") });
  const none = await runProgram(
    process.execPath,
    ["scripts/target.ts", "x.json", "--settings", "none"],
    repositoryRoot,
    env,
  );
  expect(none).toMatchObject({ code: 1, output: expect.stringContaining("CRON_SECRET") });
});
