import { join } from "node:path";
import postgres from "postgres";
import { AccessTokens, type TokenAlgorithm } from "./access-tokens.ts";
import type { RefreshVersion } from "./auth-routes.ts";
import { emptyData, makeFolders } from "./data-folder.ts";
import { installHelpers, migrate, prepareRoles, refuseForeignSchema } from "./database.ts";
import { ensureDemoCredentials } from "./demo-credentials.ts";
import { followLog } from "./follow-log.ts";
import { type Settings, userSettings } from "./function-settings.ts";
import { makeFunctions } from "./functions.ts";
import { startGateway } from "./gateway.ts";
import { announceKeys, ensureKeys } from "./keys.ts";
import { type Lite, startLite } from "./lite.ts";
import { closeServer } from "./local-server.ts";
import { lockData } from "./lock.ts";
import type { Part, PartHost } from "./part.ts";
import { waitForPorts } from "./ports.ts";
import { preparePostgres } from "./postgres.ts";
import { reasonOf } from "./problem.ts";
import { startReconciler } from "./reconciler.ts";
import { lookAlikeSettings } from "./replicate-access.ts";
import {
  adminDatabaseUrl,
  databaseUrl,
  defaultBasePort,
  pathsFor,
  portsFrom,
  repositoryRoot,
} from "./settings.ts";
import { makeInbox, makeReplicate } from "./side-services.ts";
import { type Stack, urlsOf } from "./stack-facts.ts";
import { startStudio } from "./studio.ts";
import { startWatchdog } from "./watchdog.ts";

export type StackOptions = {
  /** The gateway's port, from which all other ports follow. */
  base_port?: number;
  /** The folder of the stack's data; by default `.local/<base port>`. */
  data_folder?: string;
  /** Deletes the contents of the data folder. */
  fresh?: boolean;
  /** Load `supabase/seed.sql`, once. */
  seed?: boolean;
  /** False for temporary stacks: they are faster, but a power cut may damage their data. */
  durable?: boolean;
  /** The environment of the user, which may have settings of `.env.example`. */
  user_env?: NodeJS.ProcessEnv;
  /** Further settings of the functions. */
  function_env?: Settings;
  /** The algorithm of access tokens: ES256, or HS256 as in projects with the legacy secret. */
  access_tokens?: TokenAlgorithm;
  /** The version of refresh tokens: v1, or v2 with counted ones. */
  refresh_tokens?: RefreshVersion;
  /** Further settings of the Replicate look-alike. */
  replicate_env?: Record<string, string>;
  /** The longest pause before the restart of a part that ends repeatedly. */
  last_backoff_ms?: number;
  /** False for tests that call the reconciler themselves, because two reconcilers would share the work. */
  reconciles?: boolean;
  /** A line of a function's log, once the stack is ready. */
  on_log?: (line: string) => void;
  /** Prints a line on the terminal, when a part ends or answers again. */
  report?: (line: string) => void;
  /** Ends an unfinished start. `startStack` then throws the signal's reason. */
  signal?: AbortSignal;
};

/**
 * Starts the whole back end on this machine, and resolves when every part has answered. @throws Problem with one sentence
 * for the user, after it has ended all parts.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const started_at = performance.now();
  const {
    base_port = defaultBasePort,
    data_folder = join(repositoryRoot, ".local", String(base_port)),
    durable = true,
    user_env = {},
    function_env = {},
    replicate_env = {},
    access_tokens = "ES256",
    refresh_tokens = "v1",
    last_backoff_ms = 10_000,
    reconciles = true,
    on_log = () => {},
    report = () => {},
  } = options;
  const ports = portsFrom(base_port);
  const paths = pathsFor(data_folder);
  const settings = userSettings(user_env);
  const unlock = lockData(paths.lock);
  const undo: (() => unknown)[] = [unlock];
  const giving_up = new AbortController();
  const given_up = AbortSignal.any([giving_up.signal, ...(options.signal ? [options.signal] : [])]);
  let stopping: Promise<void> | undefined;
  const undoAll = async () => {
    for (const step of undo.reverse()) await step();
  };
  const stop = () => {
    stopping ??= undoAll();
    return stopping;
  };
  try {
    if (options.fresh) emptyData(paths);
    makeFolders(paths);
    await waitForPorts(ports, report, { signal: given_up });
    const own_keys = ensureKeys(paths);
    const keys = { ...own_keys, cron_secret: settings.CRON_SECRET ?? own_keys.cron_secret };
    undo.push(announceKeys(base_port, keys, data_folder), outliveRequests(report));
    const watchdog = startWatchdog();
    undo.push(watchdog.stop);
    const parts: Part[] = [];
    const processes = () =>
      parts.flatMap((part) => (part.pid === undefined ? [] : [{ part, pid: part.pid }]));
    const processesChanged = () =>
      watchdog.watch(
        processes().map(({ part: { options }, pid }) => ({
          pid,
          signal: options.orphan_signal ?? options.stop_signal ?? "SIGTERM",
        })),
      );
    const host: PartHost = {
      report,
      processesChanged,
      given_up,
      last_backoff_ms,
      look_ms: 5_000,
    };
    const run = async (part: Part) => {
      parts.push(part);
      undo.push(() => part.stop());
      await part.start();
    };

    const isReplicateReal = settings.REPLICATE_API_TOKEN !== undefined;
    const urls = urlsOf(ports, isReplicateReal);
    const tokens = new AccessTokens(keys, access_tokens);
    const hosts = settings.PUBLIC_URL === undefined ? [] : [new URL(settings.PUBLIC_URL).hostname];
    const side = [makeInbox({ paths, ports, host })];
    if (!isReplicateReal) side.push(makeReplicate({ paths, ports, host, keys, env: replicate_env }));

    let platform: { lite: Lite; sql: postgres.Sql } | undefined;
    const functions = makeFunctions({
      paths,
      ports,
      keys,
      settings,
      env: {
        ...(isReplicateReal ? {} : lookAlikeSettings(ports, keys)),
        SUPABASE_JWKS: tokens.public_keys,
        ...(access_tokens === "HS256" ? { JWT_SECRET: keys.jwt_secret } : {}),
        ...function_env,
      },
      hosts,
      folder: join(repositoryRoot, "supabase", "functions"),
      is_database_ready: () => platform !== undefined,
      host,
    });
    let stack: Stack | undefined;
    const gateway = await startGateway({
      ports,
      hosts,
      report,
      parts: () => platform,
      landing: () => stack && platform && { facts: stack, sql: platform.sql },
      admin: { password_cost: durable ? 10 : 4, keys },
      tokens,
      refresh_tokens,
    });
    undo.push(() => closeServer(gateway));

    const password = keys.database_password;
    const admin_database_url = adminDatabaseUrl(ports, password);
    const database = async () => {
      await run(await preparePostgres({ paths, ports, password, durable, host }));
      const client = postgres(admin_database_url, { max: 4, onnotice: () => {}, idle_timeout: 60 });
      undo.push(() => client.end({ timeout: 2 }));
      await refuseForeignSchema(client);
      await prepareRoles(client, password);
      given_up.throwIfAborted();
      const started = await startLite(paths, ports, keys);
      undo.push(() => started.close());
      await installHelpers(client);
      await client.listen("pgrst", () => void started.forgetSchema());
      given_up.throwIfAborted();
      await migrate(databaseUrl(ports, password));
      await started.forgetSchema();
      platform = { lite: started, sql: client };
      const studio = await startStudio(ports, started, keys.publishable, report);
      undo.push(() => closeServer(studio));
      return client;
    };
    const opened = database();
    const starts: Promise<unknown>[] = [opened, ...[...side, ...functions].map(run)];
    // After the first failure the other starts give up. The failure is thrown when no start is running any more.
    for (const each of starts) each.catch((error: unknown) => giving_up.abort(error));
    await Promise.allSettled(starts);
    given_up.throwIfAborted();
    const sql = await opened;
    if (reconciles) undo.push(startReconciler(ports, keys.cron_secret, report));
    // The functions stop before the database, because their last work needs it.
    undo.push(() => Promise.all(functions.map((part) => part.stop())));
    const credentials = await ensureDemoCredentials(sql, urls.gateway, paths.credentials);
    if (options.seed) await sql.file(join(repositoryRoot, "supabase", "seed.sql"));
    const followers = functions.map((part) => followLog(part.options.log_file, on_log));
    undo.push(...followers.map(({ stop }) => stop));

    stack = {
      urls,
      keys,
      database_url: databaseUrl(ports, password),
      admin_database_url,
      ports,
      paths,
      credentials,
      processes: () => processes().map(({ part, pid }) => ({ name: part.options.name, pid })),
      ready_after_ms: performance.now() - started_at,
      stop,
    };
    return stack;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Reports uncaught errors of Auth, REST and Storage, which run in this process, instead of ending it. Returns a function
 * that undoes it.
 */
function outliveRequests(report: (line: string) => void): () => void {
  const tell = (error: unknown) => report(`Something in Auth, REST or Storage failed: ${reasonOf(error)}`);
  process.on("uncaughtException", tell).on("unhandledRejection", tell);
  return () => void process.off("uncaughtException", tell).off("unhandledRejection", tell);
}
