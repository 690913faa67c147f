import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { networkSettings, reachableHosts, type Settings } from "./function-settings.ts";
import type { Keys } from "./keys.ts";
import { nativeFolder } from "./native-folder.ts";
import { expectAnswer, Part, type PartHost } from "./part.ts";
import { Problem } from "./problem.ts";
import { replicateHosts } from "./replicate-access.ts";
import {
  databaseUrl,
  denoPackage,
  type FunctionName,
  functionNames,
  loopback,
  type Paths,
  type Ports,
  repositoryRoot,
} from "./settings.ts";

type FunctionsOptions = {
  paths: Paths;
  ports: Ports;
  keys: Keys;
  /** The settings of the user who started the stack. */
  settings: Settings;
  /** Further settings, which take precedence. */
  env: Settings;
  /** Host names of this stack, besides those of loopback. */
  hosts: readonly string[];
  /** `supabase/functions`, or another folder with the same three. */
  folder: string;
  /** Checked before each probe of a function, because a pool waits for a long time after a failed first connection. */
  is_database_ready: () => boolean;
  host: PartHost;
};

/** One `deno serve` for each function. They need nothing but their ports to start. */
export function makeFunctions(options: FunctionsOptions): Part[] {
  const deno = denoBinary();
  return functionNames.map((name) => makeFunction(name, deno, options));
}

function makeFunction(name: FunctionName, deno: string, options: FunctionsOptions): Part {
  const { paths, ports, host } = options;
  const entry = join(options.folder, name, "index.ts");
  if (!existsSync(entry)) throw new Problem(`${entry} is missing: the checkout is not complete.`);
  const port = ports.functions[name];
  const address = `http://${loopback}:${port}`;
  const env = environment(options);
  const { DENO_V8_FLAGS } = process.env;
  const inside = [ports.postgres, ports.gateway, ports.smtp, port].map((number) => `${loopback}:${number}`);
  const reachable = new Set([...inside, ...replicateHosts(env), ...reachableHosts(env)]);
  return new Part(
    {
      name: `The function ${name}`,
      command: deno,
      args: [
        "serve",
        "--quiet",
        "--no-prompt",
        "--allow-env",
        // Only this function sends webhooks, and developers choose their hosts.
        name === "api" ? "--allow-net" : `--allow-net=${[...reachable].join(",")}`,
        `--config=${join(repositoryRoot, "deno.json")}`,
        `--host=${loopback}`,
        `--port=${port}`,
        writeDoor(name, entry, options),
      ],
      env: {
        ...env,
        ...(DENO_V8_FLAGS === undefined ? {} : { DENO_V8_FLAGS }),
        DENO_DIR: paths.denoCache,
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
      },
      log_file: join(paths.logs, `function-${name}.log`),
      // Deno would wait for counts that are written seconds later. They are not important, so the stop does not wait for them.
      stop_within_ms: 1_000,
      // If npm start was killed, the database has ended too, and the next start needs the port.
      orphan_signal: "SIGKILL",
      probe: async () => {
        if (!options.is_database_ready()) throw new Error("the database is not ready");
        await expectAnswer(`${address}${probes[name]}`);
      },
      look: (withinMs) => expectAnswer(`${address}${liveness}`, withinMs),
    },
    host,
  );
}

/** A path that shows whether the process runs. The wrapper answers it, so it is not logged and depends on no other part. */
const liveness = "/_live";

/** Wraps the function in the check of the Host header that the other servers have, because every page can reach its port too. */
function writeDoor(name: FunctionName, entry: string, { paths, hosts }: FunctionsOptions): string {
  const file = join(paths.functionEntries, `${name}.ts`);
  mkdirSync(paths.functionEntries, { recursive: true });
  const rules = pathToFileURL(join(import.meta.dirname, "loopback.ts")).href;
  writeFileSync(
    file,
    `import served from ${JSON.stringify(pathToFileURL(entry).href)};
import { isLocalHost } from ${JSON.stringify(rules)};
const hosts = ${JSON.stringify(hosts)};
export default {
  fetch(request, info) {
    if (!isLocalHost(request.headers.get("host") ?? undefined, hosts))
      return Response.json({ code: "host_not_local", detail: "Under 127.0.0.1 and localhost only." }, { status: 421 });
    return request.url.endsWith(${JSON.stringify(liveness)}) ? new Response() : served.fetch(request, info);
  },
};
`,
  );
  return file;
}

function environment({ ports, keys, settings, env }: FunctionsOptions): Settings {
  const gateway = `http://${loopback}:${ports.gateway}`;
  const database_url = databaseUrl(ports, keys.database_password);
  const own_mail = settings.SMTP_HOST ?? settings.RESEND_API_KEY;
  return {
    SUPABASE_URL: gateway,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishable }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secret }),
    SUPABASE_ANON_KEY: keys.anon,
    SUPABASE_SERVICE_ROLE_KEY: keys.service_role,
    SUPABASE_DB_URL: database_url,
    DATABASE_URL: database_url,
    PUBLIC_URL: gateway,
    DOCS_URL: `${gateway}/docs`,
    WEBHOOK_PRIVATE_HOSTS: "allowed",
    TRUSTED_PROXY_HOPS: "1",
    CRON_SECRET: keys.cron_secret,
    ...(own_mail === undefined ? { SMTP_HOST: loopback, SMTP_PORT: String(ports.smtp) } : {}),
    ...networkSettings(process.env),
    ...settings,
    ...env,
  };
}

const probes: Record<FunctionName, string> = {
  api: "/api/v1/health",
  health: "/health",
  generation: "/generation/generate-v2",
};

export function denoBinary(): string {
  const libc = process.platform === "linux" ? "-glibc" : "";
  return join(nativeFolder(denoPackage, `@deno/${process.platform}-${process.arch}${libc}`), "deno");
}
