import type { AuthClient } from "./clients/auth.ts";
import type { Database, LimitOfRequest } from "./clients/database.ts";
import type { HealthMonitor } from "./clients/health-monitor.ts";
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

/** What a request is made with. Hashes and verified claims only: no key or token gets further than this. */
export type Credentials = Readonly<{
  user_id?: string;
  session_id?: string;
  project_id?: string;
  role?: string;
  operator_key_hash?: string;
  developer_key_hash?: string;
  api_key_hash?: string;
  from_browser?: boolean;
  /** The browser's Origin header, when the request has one. */
  origin?: string;
  /** Where the request comes from, for the audit trail. */
  ip?: string;
  user_agent?: string;
  request_id?: string;
}>;

/** Where a request comes from, and which program sent it. */
export type Device = { readonly ip: string | null; readonly user_agent: string | null };

/** Everything outside the process; a test hands in its own. */
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
  /** Lets work go on after the answer. Nothing may depend on its end: the isolate may be gone. */
  background: (work: Promise<unknown>) => void;
};

export type AppEnv = {
  Bindings: { remoteAddress?: string };
  Variables: {
    requestId: string;
    /** The headers of the answer, by name, until it is made. */
    head: Record<string, string>;
    /** The answer was made with them. */
    isAnswered?: boolean;
    deps: Deps;
    credentials: Credentials;
    device?: Device;
    limit?: LimitOfRequest;
    /** What the answer is about when it is an error. `cause` is for the log alone. */
    failure?: { code: ErrorCode; cause: unknown };
  };
};
