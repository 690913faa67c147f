/** A signed-in account. Whoever has it can act as that account: keep it where scripts of others cannot read it. */
export type Session = {
  access_token: string;
  refresh_token: string;
  /** When the access token ends, ISO 8601, by this machine's clock. */
  expires_at: string;
};

/** Where a session is kept between calls. Write your own for a place that is not here. */
export type SessionStore = {
  get(): Session | null | Promise<Session | null>;
  /** Null forgets it. */
  set(session: Session | null): void | Promise<void>;
  /** Calls back when somebody else changed it, such as another tab. Returns a function that ends this. */
  subscribe?(changed: () => void): () => void;
  /** Name of the Web Lock that all who share the place take before they refresh. */
  lock?: string;
};

/** In memory: gone with the process or the page. The default. */
export function memorySession(initial: Session | null = null): SessionStore {
  let kept = initial;
  return {
    get: () => kept,
    set(session) {
      kept = session;
    },
  };
}

/**
 * In the browser's localStorage, shared by all tabs of the site. Any script on the page can read it: prefer
 * `cookieSession` on a server where you have one. Where the storage is missing, full or refused, as in some in-app browsers and
 * on servers, the session is kept in memory.
 */
export function localStorageSession({ key = "devkit4ai.session" }: { key?: string } = {}): SessionStore {
  /** Undefined while the storage works. */
  let inMemory: Session | null | undefined;
  return {
    lock: key,
    get() {
      if (inMemory !== undefined) return inMemory;
      try {
        return parseSession(localStorage.getItem(key));
      } catch {
        return null;
      }
    },
    set(session) {
      try {
        if (session === null) localStorage.removeItem(key);
        else localStorage.setItem(key, JSON.stringify(session));
        inMemory = undefined;
      } catch {
        inMemory = session;
      }
    },
    subscribe(changed) {
      if (typeof addEventListener !== "function") return () => {};
      const listener = (event: StorageEvent) => {
        if (event.key === key || event.key === null) changed();
      };
      addEventListener("storage", listener);
      return () => removeEventListener("storage", listener);
    },
  };
}

export type CookieOptions = {
  httpOnly?: boolean;
  secure?: boolean;
  sameSite?: "lax" | "strict" | "none";
  path?: string;
  domain?: string;
  /** Seconds. */
  maxAge?: number;
};

/** What `cookies()` of `next/headers` gives; other frameworks' jars are a few lines away from it. */
export type CookieJar = {
  get(name: string): { value: string } | undefined;
  set(name: string, value: string, options: CookieOptions): unknown;
};

/**
 * In a cookie that scripts cannot read, for server actions and route handlers: `cookieSession(await cookies())`. A Server
 * Component may not set cookies: there a refreshed session serves this one request, and the next one refreshes again.
 * On plain http other than localhost pass `secure: false`.
 */
export function cookieSession(
  jar: CookieJar,
  { name = "devkit4ai-session", ...options }: CookieOptions & { name?: string } = {},
): SessionStore {
  const attributes: CookieOptions = {
    httpOnly: true,
    secure: true,
    sameSite: "lax",
    path: "/",
    maxAge: 7 * 24 * 60 * 60,
    ...options,
  };
  let written: Session | null | undefined;
  return {
    get() {
      if (written !== undefined) return written;
      const value = jar.get(name)?.value;
      return value ? parseSession(fromBase64Url(value)) : null;
    },
    set(session) {
      written = session;
      const value = session === null ? "" : toBase64Url(JSON.stringify(session));
      try {
        jar.set(name, value, { ...attributes, ...(session === null && { maxAge: 0 }) });
      } catch {
        // A Server Component; see above.
      }
    },
  };
}

/** A new session from tokens. The lifetime is what counts, so that a wrong clock here does no harm. */
export function toSession(
  tokens: { access_token: string; refresh_token: string; expires_in?: number },
  now = Date.now(),
): Session {
  const { access_token, refresh_token, expires_in = lifetimeOf(access_token) } = tokens;
  return { access_token, refresh_token, expires_at: new Date(now + expires_in * 1000).toISOString() };
}

const assumedSeconds = 300;

/** Registration does not say how long its token lives, but the token does. */
function lifetimeOf(token: string): number {
  const claims = parseJson(fromBase64Url(token.split(".")[1] ?? "")) as {
    exp?: unknown;
    iat?: unknown;
  } | null;
  const seconds = Number(claims?.exp) - Number(claims?.iat);
  return seconds > 0 ? seconds : assumedSeconds;
}

/** Null for whatever is not a session: a damaged one means to sign in again, not to crash. */
function parseSession(text: string | null): Session | null {
  const value = parseJson(text) as Partial<Session> | null;
  return typeof value?.access_token === "string" &&
    typeof value.refresh_token === "string" &&
    typeof value.expires_at === "string"
    ? { access_token: value.access_token, refresh_token: value.refresh_token, expires_at: value.expires_at }
    : null;
}

function parseJson(text: string | null): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}

/** Tokens and JSON of tokens are ASCII. */
const toBase64Url = (text: string) =>
  btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function fromBase64Url(text: string): string | null {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return null;
  }
}
