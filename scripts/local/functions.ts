import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Part, type PartHost } from "./part.ts";
import { Problem } from "./problem.ts";
import { type ReplicateAccess, replicateHosts } from "./replicate-access.ts";
import {
  ANON_JWT,
  CRON_SECRET,
  databaseUrl,
  FUNCTION_NAMES,
  type FunctionName,
  HOST,
  JWT_SECRET,
  type Paths,
  type Ports,
  PUBLISHABLE_KEY,
  ROOT,
  SECRET_KEY,
  SERVICE_ROLE_JWT,
} from "./settings.ts";

export interface FunctionsOptions {
  paths: Paths;
  ports: Ports;
  replicate: ReplicateAccess;
  /** Settings of the functions beside the ones that the stack knows. */
  env: Record<string, string>;
  /** `supabase/functions`, or another folder with the same three. */
  folder: string;
  /** Asked before each look at a function: a pool that fails at its first connection waits long for the next. */
  is_database_ready: () => boolean;
  host: PartHost;
}

/** One `deno serve` for each function. They need nothing but their ports to start. */
export function makeFunctions(options: FunctionsOptions): Part[] {
  const deno = denoBinary();
  mkdirSync(options.paths.denoCache, { recursive: true });
  return FUNCTION_NAMES.map((name) => makeFunction(name, deno, options));
}

function makeFunction(name: FunctionName, deno: string, options: FunctionsOptions): Part {
  const { paths, ports, host } = options;
  const entry = join(options.folder, name, "index.ts");
  if (!existsSync(entry)) throw new Problem(`${entry} is missing: the checkout is not complete.`);
  const port = ports.functions[name];
  const reachable = [ports.postgres, ports.gateway, ports.smtp, port].map((number) => `${HOST}:${number}`);
  const redis = options.env.REDIS_URL === undefined ? [] : [redisHost(options.env.REDIS_URL)];
  const env = environment(options);
  return new Part(
    {
      name: `The function ${name}`,
      command: deno,
      args: [
        "serve",
        "--quiet",
        "--no-prompt",
        "--allow-env",
        `--allow-net=${[...reachable, ...replicateHosts(env), ...redis].join(",")}`,
        `--host=${HOST}`,
        `--port=${port}`,
        entry,
      ],
      env: {
        ...env,
        ...pickEnv("DENO_V8_FLAGS"),
        DENO_DIR: paths.denoCache,
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
      },
      cwd: ROOT,
      log_file: join(paths.logs, `function-${name}.log`),
      // Deno ends once nothing is left to do, and counts that are gathered for seconds are left. What matters is in the database.
      stop_within_ms: 1_000,
      // The database is gone as well by then, and the next start needs the port.
      orphan_signal: "SIGKILL",
      probe: async () => {
        if (!options.is_database_ready()) throw new Error("the database is not ready");
        await probe(name, port);
      },
    },
    host,
  );
}

const pickEnv = (name: string) => (process.env[name] === undefined ? {} : { [name]: process.env[name] });

function redisHost(url: string): string {
  const { hostname, port } = URL.parse(url) ?? {};
  if (!hostname) throw new Problem("REDIS_URL must be an address such as redis://127.0.0.1:6379.");
  return `${hostname}:${port || "6379"}`;
}

function environment({ ports, replicate, env }: FunctionsOptions): Record<string, string> {
  const gateway = `http://${HOST}:${ports.gateway}`;
  return {
    SUPABASE_URL: gateway,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: PUBLISHABLE_KEY }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: SECRET_KEY }),
    SUPABASE_ANON_KEY: ANON_JWT,
    SUPABASE_SERVICE_ROLE_KEY: SERVICE_ROLE_JWT,
    SUPABASE_DB_URL: databaseUrl(ports),
    SUPABASE_JWKS: JSON.stringify({ keys: [] }),
    DATABASE_URL: databaseUrl(ports),
    JWT_SECRET,
    PUBLIC_URL: gateway,
    TRUSTED_PROXY_HOPS: "1",
    CRON_SECRET,
    SMTP_HOST: HOST,
    SMTP_PORT: String(ports.smtp),
    ...replicate.env,
    ...env,
  };
}

const PROBES: Record<FunctionName, string> = {
  api: "/api/v1/health",
  health: "/health",
  generation: "/generation/generate-v2",
};

async function probe(name: FunctionName, port: number): Promise<void> {
  const response = await fetch(`http://${HOST}:${port}${PROBES[name]}`, {
    signal: AbortSignal.timeout(5_000),
  });
  const text = await response.text();
  if (response.status >= 500)
    throw new Error(`${PROBES[name]} answered ${response.status} ${text.slice(0, 200)}`);
}

/** The binary of this platform: it answers signals, which the launcher does not pass on. */
export function denoBinary(): string {
  const launcher = createRequire(import.meta.url).resolve("deno/package.json");
  const name = `@deno/${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`;
  try {
    return join(dirname(createRequire(launcher).resolve(`${name}/package.json`)), "deno");
  } catch {
    throw new Problem(
      `Deno has no binary for ${process.platform} on ${process.arch}: use \`supabase start\` instead.`,
    );
  }
}
