import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { format } from "node:util";
import { App, SmtpEmailDriver, setExperimental } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { bytesOf, readConfig, type StackConfig } from "./config.ts";
import type { Keys } from "./keys.ts";
import { adminDatabaseUrl, loopback, type Paths, type Ports } from "./settings.ts";
import { FileStorage } from "./storage.ts";

const closeWithinMs = 3_000;

// Lite's own handler expects strings. A warning that is an Error would end this process.
const { emitWarning } = process;
process.emitWarning = ((warning: string | Error, ...rest: []) => {
  if (typeof warning === "string") emitWarning(warning, ...rest);
  else emitWarning(warning.message, warning.name);
}) as typeof emitWarning;

type Fetch = (request: Request, peerAddress: string | undefined) => Promise<Response>;

/** Auth, REST and Storage in this process. */
export type Lite = {
  fetch: Fetch;
  /** The same as service_role and without keys, for the table editor on the loopback address. */
  fetchAsAdmin: Fetch;
  /** Reloads the schema, as PostgREST does on `notify pgrst`. */
  forgetSchema: () => Promise<void>;
  close: () => Promise<void>;
};

/** Creates missing tables of Auth and Storage. */
export async function startLite(paths: Paths, ports: Ports, keys: Keys): Promise<Lite> {
  const speak = quietLite(join(paths.logs, "platform.log"));
  setExperimental("storage", true);
  const config = readConfig();
  const connection = createPostgresConnection({
    url: adminDatabaseUrl(ports, keys.database_password),
    postgresOptions: { max: 6, onnotice: () => {}, idle_timeout: 60, types: { jsonb } },
  });
  // Otherwise the first request would grant everybody access to every table, including hashes of keys.
  Object.assign(connection, { rlsState: "active" });
  const from = { name: "Cloud API", address: "auth@cloud-api.test" };
  const email = new SmtpEmailDriver({ host: loopback, port: ports.smtp, from });
  const build = (admin: boolean) => {
    const app = new App({
      connection,
      ...appConfig(config, keys),
      studio: { enabled: admin },
      options: {
        server: { admin, apiKeys: { resolver: async (key: string) => roleOf(key, keys) } },
        drivers: { email },
      },
    });
    const largest = bytesOf(String(config.section("storage").file_size_limit));
    app._storageAdapter = new FileStorage(paths.storage, largest);
    return app;
  };
  const [app, admin] = [build(false), build(true)];
  await app.ensureSystemSchema();
  await app.init();
  const fetchOf =
    (part: App): Fetch =>
    async (request, peerAddress = "") =>
      part.fetch(request, { peerAddress });
  return {
    fetch: fetchOf(app),
    fetchAsAdmin: fetchOf(admin),
    forgetSchema: () => connection.clearSchemaCache(),
    close: async () => {
      // Without a limit it would wait forever for connections that the driver has lost. They end with the database.
      await Promise.race([connection.close(), delay(closeWithinMs, undefined, { ref: false })]);
      speak();
    },
  };
}

// The value is already JSON text, which the driver would encode again as a JSON string.
const jsonb = {
  to: 3802,
  from: [3802],
  serialize: (value: unknown) => {
    try {
      if (typeof value === "string" && typeof JSON.parse(value) === "object") return value;
    } catch {}
    return JSON.stringify(value);
  },
  parse: (text: string) => JSON.parse(text),
};

function appConfig(config: StackConfig, keys: Keys) {
  // auth-routes.ts adds what lite lacks.
  const { enabled: _, rate_limit: __, mfa: ___, ...auth } = config.section("auth");
  const {
    enabled: _on,
    max_frequency: _often,
    require_current_password: _current,
    ...email
  } = config.section("auth.email");
  const { file_size_limit } = config.section("storage");
  return {
    auth: {
      ...auth,
      enabled: true,
      jwt_secret: keys.jwt_secret,
      publishable_key: keys.publishable,
      secret_key: keys.secret,
      sessions: config.section("auth.sessions"),
      email,
    },
    api: {
      schemas: config.section("api").schemas as string[],
      max_rows: Number(config.section("api").max_rows),
    },
    storage: { enabled: true, file_size_limit: String(file_size_limit) },
    // The Supabase CLI creates this table, with another owner.
    db: { migrations: { enabled: false } },
  };
}

function roleOf(key: string, keys: Keys) {
  if (key === keys.publishable || key === keys.anon)
    return { type: "publishable" as const, claims: { role: "anon" } };
  if (key === keys.secret || key === keys.service_role) {
    return { type: "secret" as const, claims: { role: "service_role" } };
  }
  return null;
}

/** Sends lite's notices and stack traces to a log instead of the terminal. Returns a function that undoes it. */
function quietLite(logFile: string): () => void {
  const loud = { error: console.error, warn: console.warn };
  for (const level of ["error", "warn"] as const) {
    console[level] = (...items: unknown[]) => {
      if (!new Error().stack?.includes("@supabase/lite")) loud[level](...items);
      else
        appendFileSync(logFile, `${new Date().toISOString()} ${level} ${format(...items)}\n`, {
          mode: 0o600,
        });
    };
  }
  return () => Object.assign(console, loud);
}
