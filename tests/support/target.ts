import { readFileSync } from "node:fs";
import { z } from "zod";

const text = z.string().min(1);
const address = z.url().transform((value) => value.replace(/\/+$/, ""));

const schema = z.strictObject({
  url: address.describe("CLOUD_API_URL: the address of Supabase, such as https://<ref>.supabase.co"),
  base_url: address
    .optional()
    .describe("CLOUD_API_BASE_URL: what clients call, by default <url>/functions/v1"),
  database_url: text
    .optional()
    .describe("CLOUD_API_DATABASE_URL: Postgres as the role postgres, not through a transaction pooler"),
  admin_database_url: text
    .optional()
    .describe("CLOUD_API_ADMIN_DATABASE_URL: Postgres as a superuser, by default the same"),
  publishable_key: text.optional().describe("CLOUD_API_PUBLISHABLE_KEY: sb_publishable_…"),
  secret_key: text.optional().describe("CLOUD_API_SECRET_KEY: sb_secret_…"),
  anon_key: text.optional().describe("CLOUD_API_ANON_KEY: the legacy token of the role anon"),
  service_role_key: text
    .optional()
    .describe("CLOUD_API_SERVICE_ROLE_KEY: the legacy token of the role service_role"),
  jwt_secret: text.optional().describe("CLOUD_API_JWT_SECRET: where access tokens are signed with HS256"),
  operator_key: text.describe("CLOUD_API_OPERATOR_KEY: npm run operator makes one"),
  cron_secret: text.optional().describe("CLOUD_API_CRON_SECRET: the CRON_SECRET of its functions"),
  inbox_url: address.optional().describe("CLOUD_API_INBOX_URL: MailDev, where its functions send mail"),
  replicate_url: address
    .optional()
    .describe("CLOUD_API_REPLICATE_URL: the look-alike that its functions use"),
  replicate_token: text.optional().describe("CLOUD_API_REPLICATE_TOKEN: of that look-alike"),
  replicate_webhook_secret: text
    .optional()
    .describe("CLOUD_API_REPLICATE_WEBHOOK_SECRET: of that look-alike"),
  logs: text.optional().describe("CLOUD_API_LOGS: the folder with the logs of its functions"),
  developer_email: text.optional().describe("CLOUD_API_DEVELOPER_EMAIL: of the demo developer"),
  developer_password: text.optional().describe("CLOUD_API_DEVELOPER_PASSWORD: of the demo developer"),
  developer_key: text.optional().describe("CLOUD_API_DEVELOPER_KEY: of the demo developer"),
  project_id: text.optional().describe("CLOUD_API_PROJECT_ID: of the demo developer"),
  api_key: text.optional().describe("CLOUD_API_API_KEY: of the demo developer"),
});

/** Every suite needs these settings. A test that needs another one says so. */
const suiteNeeds = ["publishable_key", "secret_key", "database_url", "cron_secret"] as const;

export type TargetFile = z.input<typeof schema>;

/**
 * The target stack of the environment: from the JSON file of CLOUD_API_TARGET and from variables, which take precedence.
 * @returns undefined without a target
 * @throws Error that names each missing or wrong setting
 */
export function readTarget(
  env: NodeJS.ProcessEnv = process.env,
  needs: readonly (keyof TargetFile)[] = suiteNeeds,
) {
  const names = Object.keys(schema.shape) as (keyof TargetFile)[];
  const set = names.flatMap((name) => {
    const value = env[`CLOUD_API_${name.toUpperCase()}`];
    return value ? [[name, value] as const] : [];
  });
  if (!env.CLOUD_API_TARGET && !env.CLOUD_API_URL) return undefined;
  const file = env.CLOUD_API_TARGET ? JSON.parse(readFileSync(env.CLOUD_API_TARGET, "utf8")) : {};
  const result = schema.safeParse({ ...file, ...Object.fromEntries(set) });
  const problems = result.success
    ? needs.filter((name) => result.data[name] === undefined).map((name) => [name, "is missing"] as const)
    : result.error.issues.map(({ path: [name], message }) => [name as keyof TargetFile, message] as const);
  if (!result.success || problems.length > 0) {
    const lines = problems.map(
      ([name, problem]) => `  ${schema.shape[name]?.description ?? name}: ${problem}`,
    );
    throw new Error(`The target is not usable:\n${lines.join("\n")}`);
  }
  const { url, base_url = `${url}/functions/v1`, ...rest } = result.data;
  const { operator_key, developer_email, developer_password, developer_key, project_id, api_key } = rest;
  return {
    embedded: false,
    urls: {
      gateway: url,
      base: base_url,
      api: `${base_url}/api/v1`,
      inbox: rest.inbox_url,
      replicate: rest.replicate_url,
    },
    keys: defined({
      publishable: rest.publishable_key,
      secret: rest.secret_key,
      anon: rest.anon_key,
      service_role: rest.service_role_key,
      jwt_secret: rest.jwt_secret,
      cron_secret: rest.cron_secret,
      replicate_token: rest.replicate_token,
      replicate_webhook_secret: rest.replicate_webhook_secret,
    }),
    database_url: rest.database_url,
    admin_database_url: rest.admin_database_url ?? rest.database_url,
    credentials: defined({
      operator_key,
      developer_email,
      developer_password,
      developer_key,
      project_id,
      api_key,
    }),
    logs: rest.logs,
  };
}

type Defined<T> = { [Key in keyof T]?: NonNullable<T[Key]> };

const defined = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
