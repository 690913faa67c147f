import { createApp } from "./app.ts";
import { createAuthClient } from "./clients/auth.ts";
import { createDatabase } from "./clients/database.ts";
import { createHealthMonitor } from "./clients/health-monitor.ts";
import { createMailer } from "./clients/mailer.ts";
import { createRedisClient } from "./clients/redis.ts";
import { createReplicateClient } from "./clients/replicate.ts";
import { createRequestCounter } from "./clients/request-counter.ts";
import { createStorageClient } from "./clients/storage.ts";
import { createTokenVerifier } from "./clients/token-verifier.ts";
import { createWebhookSender } from "./clients/webhook-sender.ts";
import { parseEnv } from "./env.ts";
import { createLogger } from "./logger.ts";
import { tracedFetch } from "./trace.ts";

type ConnectionInfo = { remoteAddr?: { hostname?: string } };
export type Handler = (request: Request, info?: ConnectionInfo) => Response | Promise<Response>;

/** The API as a fetch handler with the real services. `waitUntil` keeps the isolate alive for work after an answer. */
export function createHandler(
  vars: Record<string, string | undefined>,
  waitUntil: (work: Promise<unknown>) => void,
): Handler {
  const env = parseEnv(vars);
  const { log, writeRequest } = createLogger((level, text) => console[level](text), waitUntil);
  const background = (work: Promise<unknown>) =>
    waitUntil(work.catch((cause) => log("error", "background work failed", { cause })));
  const redis = createRedisClient(env, log);
  const database = createDatabase(env, redis, log);
  const auth = createAuthClient(env, tracedFetch("auth"));
  const storage = createStorageClient(env, tracedFetch("storage"));
  const replicate = createReplicateClient(env, tracedFetch("provider"));
  const mailer = createMailer(env);
  const health = createHealthMonitor({
    database: (deadlineMs) => database.read("server_version", [], deadlineMs),
    auth: auth.check,
    storage: storage.check,
    redis: redis.configured ? redis.ping : undefined,
    mail: mailer.configured ? mailer.check : undefined,
    image_provider: replicate.configured ? replicate.check : undefined,
  });
  const app = createApp({
    env,
    log,
    writeRequest,
    database,
    auth,
    storage,
    redis,
    replicate,
    mailer,
    health,
    requests: createRequestCounter({ database, background }),
    tokens: createTokenVerifier(env),
    sendWebhook: createWebhookSender({ allowPrivate: env.webhook_private_hosts === "allowed" }),
    background,
  });
  return (request, info) => app.fetch(request, { remoteAddress: info?.remoteAddr?.hostname });
}
