import { createApp } from "./app.ts";
import { createAuthClient } from "./clients/auth.ts";
import { createDatabase } from "./clients/database.ts";
import { createMailer } from "./clients/mailer.ts";
import { createReplicateClient } from "./clients/replicate.ts";
import { createStorageClient } from "./clients/storage.ts";
import { createTokenVerifier } from "./clients/tokens.ts";
import type { Log } from "./context.ts";
import { parseEnv } from "./env.ts";
import { describe } from "./middleware/errors.ts";
import { createHealthMonitor } from "./resources/health/monitor.ts";

type ConnectionInfo = { remoteAddr?: { hostname?: string } };
export type Handler = (request: Request, info?: ConnectionInfo) => Response | Promise<Response>;

/** The API as a fetch handler over the real services. `waitUntil` keeps an isolate alive for work that outlives its answer. */
export function createHandler(
  vars: Record<string, string | undefined>,
  waitUntil: (work: Promise<unknown>) => void,
): Handler {
  const env = parseEnv(vars);
  const log: Log = (level, message, fields = {}) => {
    const { cause, ...rest } = fields;
    console[level](
      JSON.stringify({ level, message, ...rest, ...(cause === undefined ? {} : { cause: describe(cause) }) }),
    );
  };
  const [database, auth, storage] = [createDatabase(env), createAuthClient(env), createStorageClient(env)];
  const [replicate, mailer] = [createReplicateClient(env), createMailer(env)];
  const health = createHealthMonitor({
    database: (deadlineMs) => database.call("server_version", [], deadlineMs),
    auth: auth.check,
    storage: storage.check,
    redis: undefined,
    mail: mailer.configured ? mailer.check : undefined,
    image_provider: replicate.configured ? replicate.check : undefined,
  });
  const app = createApp({
    env,
    log,
    database,
    auth,
    storage,
    replicate,
    mailer,
    health,
    tokens: createTokenVerifier(env),
    background: (work) => waitUntil(work.catch((cause) => log("error", "background work failed", { cause }))),
  });
  return (request, info) => app.fetch(request, { remoteAddress: info?.remoteAddr?.hostname });
}
