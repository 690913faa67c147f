import { join, resolve } from "node:path";
import type { TokenAlgorithm } from "./local/access-tokens.ts";
import type { RefreshVersion } from "./local/auth-routes.ts";
import { banner } from "./local/banner.ts";
import { portOf, readCommandLine } from "./local/command-line.ts";
import { startDocker } from "./local/docker.ts";
import { keysOfPort, readKeys } from "./local/keys.ts";
import { readable } from "./local/log-line.ts";
import { Problem } from "./local/problem.ts";
import { databaseUrl, defaultBasePort, pathsFor, portsFrom, repositoryRoot } from "./local/settings.ts";
import { startStack } from "./local/stack.ts";
import type { Stack } from "./local/stack-facts.ts";

const helpText = `Starts the whole back end on this machine: database, Auth, Storage, functions, mail inbox, image service.

  npm start                  on port ${defaultBasePort}, with the data of the last start
  npm start -- --port 55321  on other ports: the API on this one, the rest right after it
  npm start -- --fresh       with an empty database and empty storage
  npm start -- --seed        with the developers, projects, people and pictures of supabase/seed.sql to look at
  npm start -- --data d      keeps everything in the folder d instead of .local/<port>
  npm start -- --json        prints addresses and keys as one line of JSON when ready, then the log as it is
  npm start -- --docker      the full Supabase in Docker instead: supabase start, functions, accounts, and what is missing
                             in supabase/functions/.env (--settings for another file)
  npm start -- --quiet       prints no line for each request
  npm start -- --keys        prints every key and secret of the stack as JSON, and starts nothing
  npm start -- --hs256       Auth signs access tokens with the legacy secret instead of ES256, as old projects do
  npm start -- --refresh-v2  Auth makes the refresh tokens of its algorithm version 2
  npm start -- --published-keys  takes the keys that the Supabase CLI gives everybody, for tools that expect them

The settings of .env.example are taken from the environment: REPLICATE_API_TOKEN=… npm start makes images with the real Replicate.
Ctrl-C ends everything.`;

type Options = {
  base_port: number;
  data_folder: string | undefined;
  fresh: boolean;
  seed: boolean;
  json: boolean;
  quiet: boolean;
  published_keys: boolean;
  access_tokens: TokenAlgorithm;
  refresh_tokens: RefreshVersion;
  docker: boolean;
  settings: string | undefined;
};

function readOptions(): Options {
  const { values } = readCommandLine("npm start", helpText, {
    port: { type: "string", short: "p" },
    data: { type: "string" },
    fresh: { type: "boolean", default: false },
    seed: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    keys: { type: "boolean" },
    docker: { type: "boolean", default: false },
    settings: { type: "string" },
    "published-keys": { type: "boolean", default: false },
    hs256: { type: "boolean" },
    "refresh-v2": { type: "boolean" },
  });
  const { fresh, seed, json, quiet, docker, settings } = values;
  const base_port = portOf(values.port, defaultBasePort);
  const data_folder = values.data === undefined ? undefined : resolve(values.data);
  if (values.keys) {
    console.log(JSON.stringify(readSecrets(base_port, data_folder), null, 2));
    process.exit(0);
  }
  if (docker && (fresh || values.port !== undefined || data_folder !== undefined))
    throw new Problem(
      "--docker takes its ports and data from supabase/config.toml and Docker: leave out --port, --data and --fresh.",
    );
  return {
    base_port,
    data_folder,
    fresh,
    seed,
    json,
    quiet,
    published_keys: values["published-keys"],
    access_tokens: values.hs256 ? "HS256" : "ES256",
    refresh_tokens: values["refresh-v2"] ? "v2" : "v1",
    docker,
    settings,
  };
}

/** Of the stack that runs, or ran, with these options. */
function readSecrets(basePort: number, dataFolder: string | undefined) {
  const paths = pathsFor(dataFolder ?? join(repositoryRoot, ".local", String(basePort)));
  const keys = dataFolder === undefined ? keysOfPort(basePort) : readKeys(paths.keys);
  if (keys === undefined) throw new Problem(`No stack has run with the data folder ${paths.data}.`);
  const ports = portsFrom(basePort);
  return { ...keys, database_url: databaseUrl(ports, keys.database_password) };
}

async function main(): Promise<void> {
  const options = readOptions();
  const { base_port, data_folder, fresh, seed, json, quiet, docker, settings } = options;
  const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
  let stack: Pick<Stack, "stop"> | undefined;
  let ending: number | undefined;
  const end = async (reason: string) => {
    // npm, the shell and the launcher may each pass on the same Ctrl-C.
    if (ending !== undefined) {
      if (Date.now() - ending > 1_500) process.exit(1);
      return;
    }
    ending = Date.now();
    if (!json) console.error(`\nEnding (${reason}) …`);
    await stack?.stop();
    if (stack !== undefined) process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(signal));
  endWithLauncher(() => void end("the launcher is gone"));
  const report = (line: string) => console.error(`• ${line}`);
  if (docker) {
    const { facts, notes, stop } = await startDocker({
      report,
      ...(settings === undefined ? {} : { env_file: resolve(settings) }),
    });
    stack = { stop };
    if (ending !== undefined) {
      await stop();
      process.exit(0);
    }
    const { urls, keys, database_url, credentials, ready_after_ms } = facts;
    console.log(
      json
        ? JSON.stringify({
            urls,
            keys,
            database_url,
            credentials,
            ready_after_ms: Math.round(ready_after_ms),
          })
        : banner(facts, { colour, notes: [...notes, "Ctrl-C ends the functions."] }),
    );
    return;
  }
  if (!json) console.error(`Starting on port ${base_port} …`);
  const started = await startStack({
    base_port,
    fresh,
    seed,
    ...(data_folder === undefined ? {} : { data_folder }),
    user_env: process.env,
    published_keys: options.published_keys,
    access_tokens: options.access_tokens,
    refresh_tokens: options.refresh_tokens,
    report,
    ...(quiet ? {} : { on_log: (line) => console.log(json ? line : readable(line, colour)) }),
  });
  stack = started;
  if (ending !== undefined) {
    await started.stop();
    process.exit(0);
  }
  if (json) {
    const { urls, keys, database_url, credentials, ready_after_ms } = started;
    console.log(
      JSON.stringify({ urls, keys, database_url, credentials, ready_after_ms: Math.round(ready_after_ms) }),
    );
  } else {
    console.log(banner(started, { colour }));
  }
}

/** The launcher passes signals on. After SIGKILL it cannot, but then its child has a new parent. */
function endWithLauncher(end: () => void): void {
  const launcher = Number(process.env.CLOUD_API_LAUNCHER);
  if (launcher === process.ppid) setInterval(() => process.ppid !== launcher && end(), 500).unref();
}

try {
  await main();
} catch (error) {
  if (error instanceof Problem) console.error(error.message);
  else console.error("The stack could not start:", error);
  process.exit(1);
}
