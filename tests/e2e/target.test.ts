import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { ROOT } from "../../scripts/local/settings.ts";
import { run } from "../support/runtimes.ts";
import type { TargetFile } from "../support/target.ts";

const { urls, keys, credentials, database_url, admin_database_url } = inject("stack");
const folder = mkdtempSync(join(tmpdir(), "cloud-api-target-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the suites run against any stack that a file names, through the addresses that hosted ones have", async () => {
  const file = join(folder, "target.json");
  writeFileSync(
    file,
    JSON.stringify({
      url: urls.gateway,
      database_url,
      admin_database_url,
      publishable_key: keys.publishable ?? "",
      secret_key: keys.secret ?? "",
      anon_key: keys.anon,
      service_role_key: keys.service_role,
      jwt_secret: keys.jwt_secret,
      cron_secret: keys.cron_secret ?? "",
      inbox_url: urls.inbox,
      replicate_url: urls.replicate,
      replicate_token: keys.replicate_token,
      replicate_webhook_secret: keys.replicate_webhook_secret,
      operator_key: credentials.operator_key ?? "",
    } satisfies { [Key in keyof TargetFile]: TargetFile[Key] | undefined }),
  );
  const files = ["health", "paths", "story", "refresh"].map((name) => `tests/api/${name}.test.ts`);
  const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
  const args = [vitest, "run", "--project", "api", ...files];
  const { code, output } = await run(process.execPath, args, ROOT, {
    CLOUD_API_TARGET: file,
    VITEST: undefined,
    VITEST_POOL_ID: undefined,
    VITEST_WORKER_ID: undefined,
  });
  expect(output).toMatch(/Test Files .*4 passed/);
  expect(code, output).toBe(0);
});
