import { z } from "zod";
import { defaultFileHosts, readFileHosts } from "./file-hosts.ts";
import { isPostgresUrl, postgresUrlRule } from "./is-postgres-url.ts";
import { parseJson } from "./parse-json.ts";
import { reachOf } from "./reach.ts";

const url = z.url({ protocol: /^https?$/ }).transform((value) => value.replace(/\/+$/, ""));
const count = (fallback: number) => z.coerce.number().int().min(0).default(fallback);

const shown = (description: string) => ({ description, secret: false });
const secret = (description: string) => ({ description, secret: true });

/** Every setting with its type, its purpose, and whether its value is secret. */
export const envSchema = z.object({
  supabase_url: url.meta(shown("SUPABASE_URL: the URL of Auth and Storage")),
  public_url: url
    .refine((value) => reachOf(value) !== "container", "is a URL that no browser can open")
    .meta(shown("PUBLIC_URL: the base URL of clients, without /api/v1")),
  pages_url: url
    .optional()
    .meta(
      shown(
        "PAGES_URL: the URL of the folder with verify-email.html and reset-password.html; without it the API serves the pages",
      ),
    ),
  docs_url: url
    .optional()
    .meta(
      shown("DOCS_URL: the URL of the site of `npm run docs:build`; errors link to their paragraph there"),
    ),
  database_url: z
    .string()
    .refine(isPostgresUrl, postgresUrlRule)
    .meta(secret("DATABASE_URL or SUPABASE_DB_URL: Postgres")),
  secret_key: z
    .string()
    .min(1)
    .meta(secret("SUPABASE_SECRET_KEYS or SUPABASE_SERVICE_ROLE_KEY: the secret key")),
  jwks: z
    .string()
    .refine((text) => parseJson(text) !== undefined, "is not JSON")
    .optional()
    .meta(secret("SUPABASE_JWKS: public keys of access tokens")),
  jwt_secret: z.string().min(32).optional().meta(secret("JWT_SECRET: only if tokens are signed with HS256")),
  database_pool_size: z.coerce
    .number()
    .int()
    .min(1)
    .default(3)
    .meta(shown("DB_POOL_SIZE: connections of one isolate")),
  database_prepare: z
    .enum(["true", "false"])
    .optional()
    .meta(
      shown(
        "DB_PREPARE: false for a transaction pooler; the default depends on the port of the database URL",
      ),
    ),
  database_ca_cert: z
    .string()
    .includes("BEGIN CERTIFICATE", "must be a certificate as PEM, which has the line BEGIN CERTIFICATE")
    .transform((value) => value.replaceAll("\\n", "\n"))
    .optional()
    .meta(shown("DATABASE_CA_CERT: the certificate of Postgres' certificate authority, as PEM")),
  trusted_proxy_hops: count(1).meta(
    shown("TRUSTED_PROXY_HOPS: the number of entries of X-Forwarded-For that the platform's proxies add"),
  ),
  replicate_api_url: url.default("https://api.replicate.com/v1").meta(shown("REPLICATE_API_URL")),
  replicate_api_token: z
    .string()
    .min(1)
    .optional()
    .meta(secret("REPLICATE_API_TOKEN: without it generation answers 503")),
  replicate_webhook_secret: z
    .string()
    .regex(
      /^whsec_(?:[A-Za-z0-9+/]{4}){4,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
      "must be the secret from Replicate: whsec_ and base64, without the `v1,` of a signature",
    )
    .optional()
    .meta(secret("REPLICATE_WEBHOOK_SECRET: signs webhooks")),
  replicate_file_hosts: z
    .string()
    .default(defaultFileHosts)
    .transform((value, context) => {
      try {
        return readFileHosts(value);
      } catch {
        context.addIssue("must be hosts such as replicate.delivery, separated by commas");
        return z.NEVER;
      }
    })
    .meta(
      shown(
        "REPLICATE_FILE_HOSTS: the hosts (with port) from which results may be fetched, with their subdomains",
      ),
    ),
  image_model: z
    .string()
    .default("google/nano-banana")
    .meta(shown("REPLICATE_IMAGE_MODEL: the default model for a prompt with pictures")),
  text_model: z
    .string()
    .default("black-forest-labs/flux-schnell")
    .meta(shown("REPLICATE_TEXT_MODEL: the default model for a prompt alone")),
  anonymous_generation: z
    .enum(["on", "off"])
    .default("on")
    .meta(shown("ANONYMOUS_GENERATION: whether people without an account may generate (on or off)")),
  webhook_private_hosts: z
    .enum(["allowed", "refused"])
    .default("refused")
    .meta(
      shown(
        "WEBHOOK_PRIVATE_HOSTS: whether events may be sent without https and to private hosts (allowed or refused)",
      ),
    ),
  anonymous_daily_limit: count(10).meta(
    shown("ANONYMOUS_DAILY_LIMIT: anonymous pictures per address and day"),
  ),
  anonymous_daily_budget: count(500).meta(
    shown("ANONYMOUS_DAILY_BUDGET: anonymous pictures per day in total"),
  ),
  anonymous_result_hours: count(24).meta(
    shown("ANONYMOUS_RESULT_HOURS: hours for which anonymous pictures are kept"),
  ),
  mail_from: z
    .string()
    .regex(/^[^\s@<>"]+@[^\s@<>"]+$/, "must be an address such as no-reply@example.com")
    .default("no-reply@cloud-api.test")
    .meta(shown("MAIL_FROM: the sender's address of mails")),
  resend_api_key: z
    .string()
    .min(1)
    .optional()
    .meta(secret("RESEND_API_KEY: mail goes out through Resend's API")),
  resend_api_url: url.default("https://api.resend.com").meta(shown("RESEND_API_URL")),
  smtp_host: z
    .string()
    .min(1)
    .optional()
    .meta(shown("SMTP_HOST: mail goes out by SMTP, if its port is open")),
  smtp_port: count(587).meta(shown("SMTP_PORT")),
  smtp_user: z.string().min(1).optional().meta(secret("SMTP_USER")),
  smtp_password: z.string().min(1).optional().meta(secret("SMTP_PASSWORD")),
  project_purge_days: count(7).meta(
    shown("PROJECT_PURGE_DAYS: days in which a deleted project can be restored"),
  ),
  audit_retention_days: count(400).meta(
    shown("AUDIT_RETENTION_DAYS: days for which audit events are kept, at least 30"),
  ),
  usage_retention_days: count(400).meta(
    shown("USAGE_RETENTION_DAYS: days for which the usage of keys is kept"),
  ),
  log_requests: z
    .enum(["all", "failed", "none"])
    .default("all")
    .meta(shown("LOG_REQUESTS: the requests that are logged: all, failed (from status 400) or none")),
  event_retention_days: count(90).meta(
    shown("EVENT_RETENTION_DAYS: days for which the history of a generation is kept"),
  ),
  redis_url: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .meta(secret("REDIS_URL: a Redis that counts limits instead of Postgres")),
  redis_timeout_ms: count(50).meta(
    shown("REDIS_TIMEOUT_MS: how long a request waits for Redis before Postgres counts it"),
  ),
  cron_secret: z.string().min(16).optional().meta(secret("CRON_SECRET: the bearer token of the reconciler")),
});
