import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { repositoryRoot } from "../local/settings.ts";
import { type DeployOptions, planDeploy, problemsOf } from "./plan.ts";

const project_ref = "abcdefghijklmnopqrst";
const env = {
  REPLICATE_API_TOKEN: "r8_x",
  CRON_SECRET: "a-secret's-secret",
  DATABASE_URL: "postgresql://postgres@pooler:6543/postgres",
  MAIL_FROM: "no-reply@example.com",
  RESEND_API_KEY: "re_x",
};
const ready: DeployOptions = {
  project_ref,
  settings: "supabase/functions/.env.production",
  env,
  domain: undefined,
};
const without = (name: string) => ({ ...ready, env: { ...env, [name]: undefined } });

test("a complete settings file can be deployed, with Resend or with SMTP, and with secrets of other functions", () => {
  expect(problemsOf(ready)).toEqual([]);
  expect(problemsOf({ ...ready, env: { ...env, STRIPE_SECRET_KEY: "sk_x" } })).toEqual([]);
  expect(
    problemsOf({
      ...without("RESEND_API_KEY"),
      env: { ...env, RESEND_API_KEY: undefined, SMTP_HOST: "mail.example.com", SMTP_PORT: "465" },
    }),
  ).toEqual([]);
});

test.each<[string, DeployOptions, RegExp]>([
  ...Object.keys(env).map((name): [string, DeployOptions, RegExp] => [
    `${name} is missing`,
    without(name),
    new RegExp(`^${name} is not set`),
  ]),
  [
    "the settings file is missing",
    { ...ready, env: undefined },
    /^supabase\/functions\/\.env\.production is missing/,
  ],
  ["the project ref is missing", { ...ready, project_ref: "" }, /^--project-ref \(none\)/],
  [
    "a setting has a reserved name",
    { ...ready, env: { ...env, SUPABASE_OWN: "x" } },
    /SUPABASE_OWN.*platform's own/,
  ],
  [
    "a setting is misspelt",
    { ...ready, env: { ...env, ANONYMUS_GENERATION: "off" } },
    /ANONYMUS_GENERATION is not a setting\. Did you mean ANONYMOUS_GENERATION\?$/,
  ],
  ["a value is unusable", { ...ready, env: { ...env, DB_POOL_SIZE: "many" } }, /DB_POOL_SIZE/],
  [
    "PUBLIC_URL is this machine",
    { ...ready, env: { ...env, PUBLIC_URL: "http://127.0.0.1:54321" } },
    /not a public address/,
  ],
  [
    "PUBLIC_URL is in a private network",
    { ...ready, env: { ...env, PUBLIC_URL: "http://10.0.0.5/functions/v1" } },
    /not a public address/,
  ],
  [
    "a custom domain has no PUBLIC_URL",
    { ...ready, domain: "https://api.example.com" },
    /^PUBLIC_URL is not set/,
  ],
])("a deployment is refused when %s", (_when, options, expected) => {
  expect(problemsOf(options)).toEqual([expect.stringMatching(expected)]);
});

test("a deployment pushes the schema before the functions, names the project in every command, and shows no secret", () => {
  const steps = planDeploy({
    ...ready,
    env: { ...env, PUBLIC_URL: "https://api.example.com/functions/v1" },
    domain: "https://api.example.com",
  });
  const commands = steps.map(({ command }) => command.join(" "));
  for (const command of commands) expect(command).toContain(project_ref);
  const at = (words: string) => commands.findIndex((command) => command.includes(words));
  expect(at("db push")).toBeLessThan(at("functions deploy"));
  expect(at("secrets set")).toBeLessThan(at("functions deploy"));
  // Without --remote these commands would use the local database.
  expect(commands[at("db push")]).toContain(`--remote=${project_ref}`);
  for (const value of Object.values(env)) expect(commands.join()).not.toContain(value);
  expect(commands.at(-2)).toContain("--custom-hostname api.example.com");
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const sql = readFileSync(
    steps.find(({ file }) => file?.shown === "statements")?.file?.write(folder) ?? "",
    "utf8",
  );
  expect(sql).toContain("'https://api.example.com/functions/v1/api/v1/internal/reconcile'");
  expect(sql).toContain("'a-secret''s-secret'");
});

test("a deployment shows changes of Auth before it pushes them, and sets the public site as site_url", () => {
  const steps = planDeploy(ready);
  const words = steps.map(({ command }) => command.slice(1, 3).join(" "));
  expect(words.indexOf("config diff")).toBe(words.indexOf("config push") - 1);
  const sitesOf = (options: DeployOptions) =>
    planDeploy(options).flatMap(({ file }) => /site_url (.*)/.exec(file?.shown ?? "")?.[1] ?? []);
  const own = `https://${project_ref}.supabase.co`;
  expect(sitesOf(ready)).toEqual([own, own]);
  const app = "https://app.example.com";
  expect(sitesOf({ ...ready, site: app })).toEqual([app, app]);
  const config = readFileSync(join(repositoryRoot, "supabase", "config.toml"), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const push = planDeploy({ ...ready, site: app }).find(({ command }) => command.includes("push"));
  push?.file?.write(folder);
  const pushed = readFileSync(join(folder, "supabase", "config.toml"), "utf8").split("\n");
  const changed = config.split("\n").filter((line, at) => line !== pushed[at]);
  expect(changed).toEqual(['site_url = "http://127.0.0.1:3000"']);
  expect(pushed).toContain('site_url = "https://app.example.com"');
});

test("a dry run can show the commands before the project and the settings are known", () => {
  const shown = planDeploy({ ...ready, project_ref: "<ref>", env: undefined });
  expect(shown.flatMap(({ file }) => file?.shown ?? [])).toContain(
    "config with site_url https://<ref>.supabase.co",
  );
});
