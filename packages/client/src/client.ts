import { Http } from "./http.ts";
import { ApiKeys } from "./resources/api-keys.ts";
import { Auth } from "./resources/auth.ts";
import { DeveloperKeys } from "./resources/developer-keys.ts";
import { Generations } from "./resources/generations.ts";
import { Health } from "./resources/health.ts";
import { Models } from "./resources/models.ts";
import { Plans } from "./resources/plans.ts";
import { Projects } from "./resources/projects.ts";
import { Sessions } from "./resources/sessions.ts";
import { Transfers } from "./resources/transfers.ts";
import { Users } from "./resources/users.ts";
import { Webhooks } from "./resources/webhooks.ts";
import { memorySession, type SessionStore } from "./session.ts";
import { assertTimeout } from "./start-timer.ts";

export type ClientOptions = {
  /** The base address, without /api/v1: `http://127.0.0.1:54321`, `https://<ref>.supabase.co/functions/v1`. Required. */
  url: string | undefined;
  /** Identifies the app of end users, together with projectId and apiKey. All three may be in a browser. */
  developerKey?: string | undefined;
  projectId?: string | undefined;
  apiKey?: string | undefined;
  /** The key of the platform's operator. Never use it in a browser. */
  operatorKey?: string | undefined;
  /** The store of the session. Default: in memory. On a server, make one client for each request. */
  session?: SessionStore | undefined;
  /** Default: the fetch of the platform. */
  fetch?: typeof fetch | undefined;
  /** In milliseconds, for each attempt; Infinity for no limit. Default: 30,000. */
  timeoutMs?: number | undefined;
  /** The most retries of a request, if a retry is safe. Default: 2. */
  maxRetries?: number | undefined;
};

/** A client of the API for one account. It has one class for each noun. */
export class Client {
  readonly auth: Auth;
  readonly sessions: Sessions;
  readonly developerKeys: DeveloperKeys;
  readonly projects: Projects;
  readonly apiKeys: ApiKeys;
  readonly transfers: Transfers;
  readonly users: Users;
  readonly generations: Generations;
  readonly webhooks: Webhooks;
  readonly models: Models;
  readonly plans: Plans;
  readonly health: Health;

  constructor(http: Http) {
    this.auth = new Auth(http);
    this.sessions = new Sessions(http);
    this.developerKeys = new DeveloperKeys(http);
    this.projects = new Projects(http);
    this.apiKeys = new ApiKeys(http);
    this.transfers = new Transfers(http);
    this.users = new Users(http);
    this.generations = new Generations(http);
    this.webhooks = new Webhooks(http);
    this.models = new Models(http);
    this.plans = new Plans(http);
    this.health = new Health(http);
  }
}

/**
 * A client of the API. Without arguments the address and the keys of the app come from the environment. The names are those that
 * `npm start` prints: NEXT_PUBLIC_API_URL, DEVKIT4AI_DEVELOPER_KEY, DEVKIT4AI_PROJECT_ID, DEVKIT4AI_PROJECT_KEY. @throws
 * TypeError that names an invalid option and never quotes a key
 */
export function createClient(options: ClientOptions = fromEnvironment()): Client {
  const {
    url,
    session = memorySession(),
    fetch = (input, init) => globalThis.fetch(input, init),
    timeoutMs = 30_000,
    maxRetries = 2,
    ...keys
  } = options;
  assertTimeout(timeoutMs);
  for (const name of ["operatorKey", "developerKey", "apiKey", "projectId"] as const) {
    const key = keys[name];
    if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
      throw new TypeError(
        `${name} is empty or has characters that no key has. Copy it again, without spaces.`,
      );
    }
  }
  return new Client(new Http({ ...keys, url: baseOf(url), fetch, timeoutMs, maxRetries }, session));
}

function fromEnvironment(): ClientOptions {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const env = process?.env ?? {};
  return {
    url: env.NEXT_PUBLIC_API_URL,
    developerKey: env.DEVKIT4AI_DEVELOPER_KEY,
    projectId: env.DEVKIT4AI_PROJECT_ID,
    apiKey: env.DEVKIT4AI_PROJECT_KEY,
  };
}

function baseOf(url: string | undefined): string {
  const base = parseUrl(url);
  if (base === null || !/^https?:$/.test(base.protocol) || base.username || base.password) {
    throw new TypeError(
      "url must be the base address of the API, such as http://127.0.0.1:54321 or https://<ref>.supabase.co/functions/v1. " +
        "Is the environment variable set that you take it from? `npm start` prints it as NEXT_PUBLIC_API_URL.",
    );
  }
  return base.origin + base.pathname.replace(/\/+$/, "").replace(/(\/api\/v1)+$/, "");
}

/** URL.canParse and URL.parse are missing in Safari 16, the last one of many iPhones. */
function parseUrl(url = ""): URL | null {
  try {
    return new URL(url);
  } catch {
    return null;
  }
}
