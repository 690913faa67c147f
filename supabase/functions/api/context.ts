import type { AuthClient } from "./clients/auth.ts";
import type { Database, LimitOfRequest } from "./clients/database.ts";
import type { HealthMonitor } from "./clients/health-monitor.ts";
import type { Sent } from "./clients/hot-reads.ts";
import type { Mailer } from "./clients/mailer.ts";
import type { RedisClient } from "./clients/redis.ts";
import type { ReplicateClient } from "./clients/replicate.ts";
import type { RequestCounter } from "./clients/request-counter.ts";
import type { StorageClient } from "./clients/storage.ts";
import type { TokenVerifier } from "./clients/token-verifier.ts";
import type { SendWebhook } from "./clients/webhook-sender.ts";
import type { Env } from "./env.ts";
import type { ErrorCode } from "./errors.ts";
import type { Log, Logger } from "./logger.ts";

/** The credentials of a request as hashes and verified claims. No key or token is passed on. */
export type Credentials = Readonly<
  Sent & {
    from_browser?: boolean;
    /** The client's address, for the audit trail. */
    ip?: string;
    user_agent?: string;
    request_id?: string;
  }
>;

/** The client's address and program. */
export type Device = { readonly ip: string | null; readonly user_agent: string | null };

/** Everything outside the process. Tests pass their own. */
export type Deps = {
  env: Env;
  database: Database;
  auth: AuthClient;
  storage: StorageClient;
  redis: RedisClient;
  replicate: ReplicateClient;
  mailer: Mailer;
  tokens: TokenVerifier;
  sendWebhook: SendWebhook;
  health: HealthMonitor;
  requests: RequestCounter;
  log: Log;
  writeRequest: Logger["writeRequest"];
  /** Continues work after the answer. Nothing may depend on its end, since the isolate may end first. */
  background: (work: Promise<unknown>) => void;
};

export type AppEnv = {
  Bindings: { remoteAddress?: string };
  Variables: {
    requestId: string;
    /** Headers for the answer, by name. */
    head: Record<string, string>;
    /** Whether the answer already has these headers. */
    isAnswered?: boolean;
    deps: Deps;
    credentials: Credentials;
    /** The first two arguments of a call to a store on behalf of the caller. */
    caller: readonly [Database, Credentials];
    device?: Device;
    limit?: LimitOfRequest;
    /** The error that the answer reports. `cause` is only for the log. */
    failure?: { code: ErrorCode; cause: unknown };
  };
};
