import { resolve } from "node:path";
import { banner } from "./local/banner.ts";
import { portOf, readCommandLine } from "./local/command-line.ts";
import { readCredentials } from "./local/demo-credentials.ts";
import { startDocker } from "./local/docker.ts";
import { dataFolderOf, keysOfPort, readKeys } from "./local/keys.ts";
import { readable } from "./local/log-line.ts";
import { Problem } from "./local/problem.ts";
import { databaseUrl, defaultBasePort, pathsFor, portsFrom } from "./local/settings.ts";
import { startStack } from "./local/stack.ts";

const helpText = `Starts the whole back end on this machine: database, Auth, Storage, functions, mail inbox, image service.

  npm start                  on port ${defaultBasePort}, with the data of the last start
  npm start -- --port 55321  on other ports: the API on this one, the other parts on the next ones
  npm start -- --fresh       with an empty database and empty storage
  npm start -- --seed        with the sample data of supabase/seed.sql
  npm start -- --data d      keeps everything in the folder d instead of .local/<port>
  npm start -- --json        prints addresses and keys as one line of JSON when ready, then the log as JSON
  npm start -- --docker      the full Supabase in Docker instead: supabase start, functions, accounts, and the missing settings
                             in supabase/functions/.env (--settings for another file)
  npm start -- --quiet       does not print requests
  npm start -- --keys        prints every key, secret and demo account of the stack as JSON, and starts nothing
  npm start -- --hs256       Auth signs access tokens with the legacy secret instead of ES256, as in old projects
  npm start -- --refresh-v2  Auth makes the refresh tokens of its algorithm version 2

Settings of .env.example can be set in the environment: REPLICATE_API_TOKEN=… npm start makes images with the real Replicate.
Ctrl-C stops everything.`;

const report = (line: string) => console.error(`• ${line}`);

function readOptions() {
  const { values } = readCommandLine("npm start", helpText, {
    port: { type: "string", short: "p" },
    data: { type: "string" },
    fresh: { type: "boolean", default: false },
    seed: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
    keys: { type: "boolean" },
    docker: { type: "boolean" },
    settings: { type: "string" },
    hs256: { type: "boolean" },
    "refresh-v2": { type: "boolean" },
  });
  if (values.docker && (values.fresh || values.port !== undefined || values.data !== undefined))
    throw new Problem(
      "--docker takes its ports and data from supabase/config.toml and Docker: leave out --port, --data and --fresh.",
    );
  return {
    ...values,
    port: portOf(values.port, defaultBasePort),
    data: values.data && resolve(values.data),
    colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
  };
}

type Options = ReturnType<typeof readOptions>;

/** The secrets of the stack that runs, or ran, with these options. The demo accounts come first, since an app needs them. */
function readSecrets({ port, data }: Options) {
  const keys = data === undefined ? keysOfPort(port) : readKeys(pathsFor(data).keys);
  if (keys === undefined) throw new Problem(`No stack has run with the data folder ${data}.`);
  return {
    ...readCredentials(pathsFor(data ?? dataFolderOf(port)).credentials),
    ...keys,
    database_url: databaseUrl(portsFrom(port), keys.database_password),
  };
}

async function startEmbedded({ port, data, json, quiet, colour, ...options }: Options, signal: AbortSignal) {
  if (!json) console.error(`Starting on port ${port} …`);
  const stack = await startStack({
    base_port: port,
    fresh: options.fresh,
    seed: options.seed,
    ...(data === undefined ? {} : { data_folder: data }),
    user_env: process.env,
    access_tokens: options.hs256 ? "HS256" : "ES256",
    refresh_tokens: options["refresh-v2"] ? "v2" : "v1",
    report,
    signal,
    ...(quiet ? {} : { on_log: (line) => console.log(json ? line : readable(line, colour)) }),
  });
  return { facts: stack, notes: undefined, stop: stack.stop };
}

async function main(): Promise<void> {
  const options = readOptions();
  const { json, colour, settings } = options;
  if (options.keys) return console.log(JSON.stringify(readSecrets(options), null, 2));
  let started: Awaited<ReturnType<typeof startEmbedded | typeof startDocker>> | undefined;
  let ending: number | undefined;
  const start = new AbortController();
  const end = async (reason: string) => {
    // npm, the shell and the launcher may each pass on the same Ctrl-C.
    if (ending !== undefined) {
      if (Date.now() - ending > 1_500) process.exit(1);
      return;
    }
    ending = Date.now();
    if (!json) console.error(`\nEnding (${reason}) …`);
    start.abort();
    await started?.stop();
    if (started !== undefined) process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void end(signal));
  // The launcher forwards signals. SIGKILL cannot be forwarded, but then the launcher's channel to this process closes.
  if (process.connected) process.once("disconnect", () => void end("the launcher has ended"));
  try {
    started = await (options.docker
      ? startDocker({ report, ...(settings === undefined ? {} : { env_file: resolve(settings) }) })
      : startEmbedded(options, start.signal));
  } catch (error) {
    // Work that Ctrl-C interrupted is not a fault.
    if (ending === undefined) throw error;
    process.exit(0);
  }
  if (ending !== undefined) {
    await started.stop();
    process.exit(0);
  }
  const { facts, notes } = started;
  const { urls, keys, database_url, credentials } = facts;
  const ready_after_ms = Math.round(facts.ready_after_ms);
  if (json) console.log(JSON.stringify({ urls, keys, database_url, credentials, ready_after_ms }));
  else console.log(banner(facts, { colour, ...(notes && { notes }) }));
}

try {
  await main();
} catch (error) {
  if (error instanceof Problem) console.error(error.message);
  else console.error("The stack could not start:", error);
  process.exit(1);
}
