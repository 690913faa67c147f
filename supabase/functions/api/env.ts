import { z } from "zod";
import { envSchema } from "./env-schema.ts";
import { parseJson } from "./parse-json.ts";
import { isLoopback, isPublic } from "./reach.ts";
import { predicateFor } from "./sentence-about.ts";

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
  const given: Record<string, string | undefined> = {
    supabase_url: supabaseUrl,
    public_url: set("PUBLIC_URL") ?? publicBase(supabaseUrl, set("SUPABASE_INTERNAL_HOST_PORT")),
    database_url: set("DATABASE_URL") ?? set("SUPABASE_DB_URL"),
    secret_key: firstKey(set("SUPABASE_SECRET_KEYS"), set("SUPABASE_SERVICE_ROLE_KEY")),
    jwks: set("SUPABASE_JWKS"),
    database_pool_size: set("DB_POOL_SIZE"),
    database_prepare: set("DB_PREPARE"),
    image_model: set("REPLICATE_IMAGE_MODEL"),
    text_model: set("REPLICATE_TEXT_MODEL"),
  };
  // Every other setting has the name of its variable.
  for (const name of Object.keys(envSchema.shape))
    if (!Object.hasOwn(given, name)) given[name] = set(name.toUpperCase());
  const result = envSchema.safeParse(given, {
    error: (issue) => predicateFor(issue, issue.input, { field: "" }),
  });
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const field = String(issue.path[0]) as keyof typeof envSchema.shape;
    return `  ${envSchema.shape[field].description ?? field}: ${issue.message}`;
  });
  throw new Error(`The configuration is not usable:\n${problems.join("\n")}`);
}
