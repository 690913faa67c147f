import { z } from "zod";
import { envSchema } from "./env-schema.ts";
import { parseJson } from "./parse-json.ts";
import { isLoopback, isPublic } from "./reach.ts";

export type Env = z.infer<typeof envSchema>;

/** Whether the value of a setting is secret. An undeclared setting counts as secret. */
export function isSecret(name: string): boolean {
  const setting = Object.hasOwn(envSchema.shape, name) ? envSchema.shape[name as keyof Env] : undefined;
  return setting?.meta()?.secret !== false;
}

/** Supabase injects the new keys as JSON (`{"default":"sb_…"}`) and the legacy ones as plain tokens. Undefined when unusable. */
function firstKey(json: string | undefined, legacy: string | undefined): string | undefined {
  if (!json) return legacy;
  const keys = z.record(z.string(), z.string()).safeParse(parseJson(json)).data ?? {};
  return keys.default ?? Object.values(keys)[0] ?? legacy;
}

/**
 * The public base URL without PUBLIC_URL. `supabase start` injects the address of the container network (http://kong:8000), but
 * clients use the port of its gateway on this machine.
 */
function publicBase(supabaseUrl: string | undefined, gatewayPort = "54321"): string | undefined {
  if (supabaseUrl === undefined) return undefined;
  const isOpen = isPublic(supabaseUrl) || isLoopback(supabaseUrl);
  return `${isOpen ? supabaseUrl : `http://127.0.0.1:${gatewayPort}`}/functions/v1`;
}

/**
 * Reads the configuration from environment variables.
 * @throws Error naming each variable that is missing or wrong, and what it is for. Values are never in the message.
 */
export function parseEnv(vars: Record<string, string | undefined>): Env {
  const set = (name: string) => vars[name] || undefined;
  const supabaseUrl = set("SUPABASE_URL")?.replace(/\/+$/, "");
  const result = envSchema.safeParse({
    supabase_url: supabaseUrl,
    public_url: set("PUBLIC_URL") ?? publicBase(supabaseUrl, set("SUPABASE_INTERNAL_HOST_PORT")),
    pages_url: set("PAGES_URL"),
    docs_url: set("DOCS_URL"),
    database_url: set("DATABASE_URL") ?? set("SUPABASE_DB_URL"),
    secret_key: firstKey(set("SUPABASE_SECRET_KEYS"), set("SUPABASE_SERVICE_ROLE_KEY")),
    jwks: set("SUPABASE_JWKS"),
    jwt_secret: set("JWT_SECRET"),
    database_pool_size: set("DB_POOL_SIZE"),
    database_prepare: set("DB_PREPARE"),
    database_ca_cert: set("DATABASE_CA_CERT"),
    trusted_proxy_hops: set("TRUSTED_PROXY_HOPS"),
    replicate_api_url: set("REPLICATE_API_URL"),
    replicate_api_token: set("REPLICATE_API_TOKEN"),
    replicate_webhook_secret: set("REPLICATE_WEBHOOK_SECRET"),
    replicate_file_hosts: set("REPLICATE_FILE_HOSTS"),
    image_model: set("REPLICATE_IMAGE_MODEL"),
    text_model: set("REPLICATE_TEXT_MODEL"),
    anonymous_generation: set("ANONYMOUS_GENERATION"),
    webhook_private_hosts: set("WEBHOOK_PRIVATE_HOSTS"),
    anonymous_daily_limit: set("ANONYMOUS_DAILY_LIMIT"),
    anonymous_daily_budget: set("ANONYMOUS_DAILY_BUDGET"),
    anonymous_result_hours: set("ANONYMOUS_RESULT_HOURS"),
    mail_from: set("MAIL_FROM"),
    resend_api_key: set("RESEND_API_KEY"),
    resend_api_url: set("RESEND_API_URL"),
    smtp_host: set("SMTP_HOST"),
    smtp_port: set("SMTP_PORT"),
    smtp_user: set("SMTP_USER"),
    smtp_password: set("SMTP_PASSWORD"),
    project_purge_days: set("PROJECT_PURGE_DAYS"),
    audit_retention_days: set("AUDIT_RETENTION_DAYS"),
    usage_retention_days: set("USAGE_RETENTION_DAYS"),
    log_requests: set("LOG_REQUESTS"),
    event_retention_days: set("EVENT_RETENTION_DAYS"),
    redis_url: set("REDIS_URL"),
    redis_timeout_ms: set("REDIS_TIMEOUT_MS"),
    cron_secret: set("CRON_SECRET"),
  });
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const field = String(issue.path[0]) as keyof typeof envSchema.shape;
    return `  ${envSchema.shape[field].description ?? field}: ${issue.message}`;
  });
  throw new Error(`The configuration is not usable:\n${problems.join("\n")}`);
}
