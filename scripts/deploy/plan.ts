import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isPublic } from "../../supabase/functions/api/reach.ts";
import { type EnvFile, hasClosedPort, missingSettings, misspeltSettings } from "../doctor/env-file.ts";
import { unusableSettings } from "../local/function-settings.ts";
import { repositoryRoot } from "../local/settings.ts";

export type Step = {
  /** The purpose of the step, in a few words. */
  why: string;
  /** The command as a person would type it. */
  command: string[];
  /** The last argument: a file that exists in a temporary folder while the command runs. `write` returns its path. */
  file?: { shown: string; write: (folder: string) => string };
};

export type DeployOptions = {
  project_ref: string;
  /** The path of the file with the secrets of the functions. */
  settings: string;
  /** The content of the file. Undefined if it does not exist. */
  env: EnvFile | undefined;
  /** The custom domain of the API, such as https://api.example.com. */
  domain: string | undefined;
  /** The URL of the app, for links of Supabase Auth. */
  site?: string | undefined;
};

const ref = /^[a-z]{20}$/;

/** The problems that prevent a deployment, as sentences. */
export function problemsOf({ project_ref, settings, env, domain }: DeployOptions): string[] {
  const problems: string[] = [];
  if (!ref.test(project_ref))
    problems.push(
      `--project-ref ${project_ref || "(none)"} is not a project reference, which has 20 letters.`,
    );
  if (env === undefined)
    return [...problems, `${settings} is missing: cp .env.example ${settings}, and fill it in.`];
  for (const [name, why] of missingSettings(env)) problems.push(`${name} is not set in ${settings}: ${why}.`);
  if (hasClosedPort(env))
    problems.push(`SMTP_PORT in ${settings}: hosted functions cannot use the ports 25 and 587; use 465.`);
  for (const name of Object.keys(env).filter((each) => each.startsWith("SUPABASE_")))
    problems.push(`${name} in ${settings}: names that begin with SUPABASE_ are the platform's own.`);
  problems.push(...misspeltSettings(env).map((line) => `In ${settings}: ${line}`));
  if (domain !== undefined && env.PUBLIC_URL === undefined)
    problems.push(
      `PUBLIC_URL is not set in ${settings}: with a domain of your own it is ${domain}/functions/v1.`,
    );
  if (env.PUBLIC_URL && !isPublic(env.PUBLIC_URL))
    problems.push(
      `PUBLIC_URL in ${settings} is not a public address: Replicate and your users cannot call it.`,
    );
  return [...problems, ...unusableSettings(env).map((line) => `In ${settings}: ${line}.`)];
}

/** The steps of a deployment. Migrations come first, since the functions work with a newer database but not with an older one. */
export function planDeploy({ project_ref, settings, env = {}, domain, site }: DeployOptions): Step[] {
  const base = env.PUBLIC_URL || `https://${project_ref}.supabase.co/functions/v1`;
  const origin = URL.parse(base)?.origin ?? `https://${project_ref}.supabase.co`;
  const config = configWith(site ?? origin);
  const remote = `--remote=${project_ref}`;
  const steps: Step[] = [
    { why: "name the project", command: ["supabase", "link", "--project-ref", project_ref] },
    {
      why: "the changes of the next step to Auth, Storage and the API of the project",
      command: ["supabase", "config", "diff", remote, "--workdir"],
      file: config,
    },
    {
      why: "settings of Auth and Storage",
      command: ["supabase", "config", "push", remote, "--yes", "--workdir"],
      file: config,
    },
    {
      why: "Auth counts sign-ins by account; with SUPABASE_ACCESS_TOKEN, else it says what to do",
      command: ["node", "scripts/deploy/forward-addresses.ts", project_ref],
    },
    { why: "the schema", command: ["supabase", "db", "push", remote, "--yes"] },
    { why: "settings of the API", command: ["supabase", "secrets", "set", remote, "--env-file", settings] },
    { why: "the functions", command: ["supabase", "functions", "deploy", remote, "--use-api", "--yes"] },
    {
      why: "reconcile_url and cron_secret into the vault, where pg_cron finds them",
      command: ["supabase", "db", "query", remote, "--yes", "--file"],
      file: statements(reconcilerSql(`${base}/api/v1/internal/reconcile`, env.CRON_SECRET ?? "")),
    },
  ];
  if (domain !== undefined) {
    const host = new URL(domain).host;
    steps.push({
      why: "an address of your own; the DNS record comes first (docs/operations.md)",
      command: ["supabase", "domains", "create", remote, "--custom-hostname", host],
    });
  } else if (env.PAGES_URL === undefined)
    steps.push({
      why: "the pages for links of mails, as files: without an address of your own functions send no HTML",
      command: ["node", "scripts/deploy/pages.ts", base],
    });
  const url = `https://${project_ref}.supabase.co`;
  steps.push({
    why: "check the result",
    command: ["npm", "run", "doctor", "--", "--url", url, "--settings", settings],
  });
  return steps;
}

/** The configuration with the site of a hosted project, because links in mails must not lead to http://127.0.0.1:3000. */
const configWith = (site: string): Step["file"] => ({
  shown: `config with site_url ${site}`,
  write(folder) {
    const source = join(repositoryRoot, "supabase");
    const target = join(folder, "supabase");
    mkdirSync(target);
    // Leaves out the .env files beside it, which the CLI would read.
    for (const name of ["functions", "migrations", "seed.sql"])
      symlinkSync(join(source, name), join(target, name), "junction");
    const config = readFileSync(join(source, "config.toml"), "utf8");
    const line = /^site_url = .*$/m;
    if (!line.test(config)) throw new Error("supabase/config.toml has no site_url");
    writeFileSync(join(target, "config.toml"), config.replace(line, `site_url = ${JSON.stringify(site)}`));
    return folder;
  },
});

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** Creates or updates secrets of the vault, in one statement, because `db query` prepares it. */
export function reconcilerSql(url: string, secret: string): string {
  const put = (name: string, value: string) => `
  if exists (select from vault.secrets where name = ${quote(name)}) then
    perform vault.update_secret((select id from vault.secrets where name = ${quote(name)}), ${quote(value)});
  else
    perform vault.create_secret(${quote(value)}, ${quote(name)});
  end if;`;
  return `do $deploy$ begin${put("reconcile_url", url)}${put("cron_secret", secret)}\nend $deploy$;\n`;
}

/** A file of statements. Only this user can read it, because it contains a secret. */
const statements = (sql: string): Step["file"] => ({
  shown: "statements",
  write(folder) {
    const file = join(folder, "statements.sql");
    writeFileSync(file, sql, { mode: 0o600 });
    return file;
  },
});
