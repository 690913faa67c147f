// @ts-types="npm:@types/pg@8.23.1"
import pg from "pg";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";
import type { Log } from "../logger.ts";
import { cancelQuery } from "./cancel-query.ts";
import { createDeadlines, DeadlineError } from "./deadlines.ts";
import { createTurns } from "./turns.ts";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined };

export type Connection = {
  /** The first row, if there is one. */
  find<Row>(text: string, args: readonly Json[]): Promise<Row | undefined>;
  /** The first row. @throws ApiError database_unavailable when there is none, since each of our statements has one. */
  ask<Row>(text: string, args: readonly Json[]): Promise<Row>;
  /** Sends a statement without a result, such as begin or commit. */
  tell(text: string): Promise<void>;
};

/** `pipeline`: the next statement is sent before the one before is answered. */
type Client = pg.PoolClient & {
  processID: number;
  secretKey: number;
  pipeline: boolean;
  connection: { stream: { destroy(): void } };
};

const connectWithinMs = 8_000;
const idleMs = 60_000;
/** The driver's error for a server without TLS, and Deno 2.1's error for an unknown certificate authority. */
const noTrustedTls = /does not support SSL connections|invalid peer certificate/;

/** Whether the server's plan is older than a migration that changed the function's result. */
const isStale = (error: unknown) =>
  error instanceof pg.DatabaseError &&
  (error.routine === "RevalidateCachedQuery" || error.routine === "FetchPreparedStatement");

const unavailable = (cause: unknown) => new ApiError("database_unavailable", { cause });

/** Whether the connection can be used again. Refusals leave it intact; after other errors its state is unknown. */
const isUsableAfter = (error: unknown) =>
  error instanceof pg.DatabaseError
    ? error.severity === "ERROR"
    : error instanceof ApiError && error.code !== "database_unavailable";

/** Every object or list is a jsonb parameter. */
const toParameter = (value: Json) =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : value;

/**
 * With the authority's certificate (DATABASE_CA_CERT) TLS is verified. Without it, TLS is used where the server offers it and the
 * runtime accepts it. Deno 2.1 always verifies certificates, and after a failed verification the connection has no TLS.
 */
export function createConnections(env: Env, log: Log) {
  const url = new URL(env.database_url);
  const isPooled = url.port === "6543" || url.searchParams.get("pgbouncer") === "true";
  const prepare = env.database_prepare === undefined ? !isPooled : env.database_prepare === "true";
  const tls = url.searchParams.get("sslmode") ?? "prefer";
  url.searchParams.delete("sslmode");
  const ca = env.database_ca_cert;
  const pool = new pg.Pool({
    connectionString: url.href,
    application_name: "cloud-api",
    max: env.database_pool_size,
    ssl: tls !== "disable" && (ca ? { ca } : { rejectUnauthorized: tls.startsWith("verify") }),
    keepAlive: true,
    // The pool would make one or two timers for each query, which cost a twentieth of a read.
    idleTimeoutMillis: 0,
    maxLifetimeSeconds: 30 * 60,
    Client: class extends pg.Client {
      constructor(config: pg.ClientConfig) {
        super({ ...config, connectionTimeoutMillis: connectWithinMs });
      }
    } as typeof pg.Client,
  });
  // A connection was lost. The pool opens another, and a running query reports the loss to its caller.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  const startDeadline = createDeadlines();
  let usedAt = 0;
  let closing: ReturnType<typeof setTimeout> | undefined;

  /** Closes idle connections. All connections share one timer, which ends with the last of them. */
  function closeIdle(): void {
    const leftMs = usedAt + idleMs - performance.now();
    closing = leftMs > 0 ? setTimeout(closeIdle, leftMs) : undefined;
    if (leftMs > 0) return;
    const close = (client: pg.PoolClient) => client.release(true);
    for (let left = pool.idleCount; left > 0; left--) pool.connect().then(close, () => {});
  }
  const names = new Map<string, string>();
  let named = 0;

  async function connect(): Promise<Client> {
    try {
      return (await pool.connect()) as Client;
    } catch (error) {
      const { message } = error as Error;
      if (ca || tls !== "prefer" || !noTrustedTls.test(message)) throw error;
      if (pool.options.ssl !== false && message.includes("certificate"))
        log("warn", "the connection to the database is not encrypted: set DATABASE_CA_CERT");
      pool.options.ssl = false;
      return (await pool.connect()) as Client;
    }
  }

  function nameOf(text: string): string {
    const name = names.get(text) ?? `s${named++}`;
    names.set(text, name);
    return name;
  }

  /** An error of the server is thrown unchanged. Any other error of the driver means that there was no answer. */
  async function query(client: Client, config: string | pg.QueryConfig) {
    try {
      return await client.query(config);
    } catch (error) {
      throw error instanceof pg.DatabaseError ? error : unavailable(error);
    }
  }

  async function find<Row>(client: Client, text: string, args: readonly Json[]): Promise<Row | undefined> {
    const values = args.map(toParameter);
    const name = nameOf(text);
    const { rows } = await query(client, prepare ? { text, values, name } : { text, values }).catch(
      (error) => {
        if (!isStale(error)) throw error;
        // Another one may have been the first to notice.
        if (names.get(text) === name) names.delete(text);
        return query(client, { text, values, name: nameOf(text) });
      },
    );
    return rows[0] as Row | undefined;
  }

  const connectionOf = (client: Client): Connection => ({
    find: (text, args) => find(client, text, args),
    async ask<Row>(text: string, args: readonly Json[]) {
      const row = await find<Row>(client, text, args);
      if (row === undefined) throw unavailable(new Error("the answer has no row"));
      return row;
    },
    tell: async (text) => void (await query(client, text)),
  });

  /**
   * Lends a connection to the work. At the deadline the query is canceled and the connection is closed.
   * @throws what the work throws; pg.DatabaseError; DeadlineError; ApiError database_unavailable without an answer
   */
  const use = <T>(work: (connection: Connection) => Promise<T>, deadlineMs: number): Promise<T> =>
    useClient((client) => work(connectionOf(client)), deadlineMs);

  function useClient<T>(work: (client: Client) => Promise<T>, deadlineMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      let client: Client | undefined;
      let isOver = false;
      const endDeadline = startDeadline(deadlineMs, () => {
        if (client !== undefined) cancelQuery(client);
        end(false, () => reject(new DeadlineError(deadlineMs)));
      });
      function end(isUsable: boolean, settle: () => void): void {
        if (isOver) return;
        isOver = true;
        endDeadline();
        client?.release(!isUsable);
        usedAt = performance.now();
        if (!pool.ending) closing ??= setTimeout(closeIdle, idleMs);
        settle();
      }
      async function lend(opened: Client): Promise<void> {
        if (isOver) return opened.release();
        client = opened;
        try {
          const result = await work(opened);
          end(true, () => resolve(result));
        } catch (error) {
          end(isUsableAfter(error), () => reject(error));
        }
      }
      connect().then(lend, (error) =>
        end(false, () => reject(error instanceof pg.DatabaseError ? error : unavailable(error))),
      );
    });
  }

  const share = createTurns<Client>(
    (work, deadlineMs) =>
      useClient(async (client) => {
        client.pipeline = true;
        try {
          await work(client);
        } catch (error) {
          if (error instanceof DeadlineError) {
            cancelQuery(client);
            // All calls that wait for this connection fail at once.
            client.connection.stream.destroy();
          }
          throw error;
        } finally {
          client.pipeline = false;
        }
      }, deadlineMs),
    startDeadline,
    (error) => error instanceof pg.DatabaseError && isUsableAfter(error),
  );

  /** The first row of a short statement that writes nothing, on a connection that it may share. */
  const read = <Row>(text: string, args: readonly Json[], deadlineMs: number) =>
    share(
      (client) => find<Row>(client, text, args),
      (leftMs) => use((connection) => connection.find<Row>(text, args), leftMs),
      deadlineMs,
    );

  function close(): Promise<void> {
    clearTimeout(closing);
    return pool.end();
  }

  return { use, read, prepares: prepare, close };
}
