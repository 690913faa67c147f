/** The session of a signed-in account. Anyone who has it can act as the account, so keep it from other scripts. */
export type Session = {
  access_token: string;
  refresh_token: string;
  /** The end of the access token in ISO 8601, by this machine's clock. */
  expires_at: string;
};

/** Stores a session between calls. You can write your own store. */
export type SessionStore = {
  get(): Session | null | Promise<Session | null>;
  /** Null removes the session. */
  set(session: Session | null): void | Promise<void>;
  /** Calls `changed` after a change from outside, such as another tab. @returns a function that ends the subscription */
  subscribe?(changed: () => void): () => void;
  /** The name of the Web Lock for refreshes. All clients of a shared store use it. */
  lock?: string;
};

/** Keeps the session in memory, until the process or the page ends. This is the default. */
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
 * Keeps the session in the browser's localStorage, shared by all tabs. Any script on the page can read it: prefer
 * `cookieSession` on a server where you have one. Where the storage is missing, full or refused, as in some in-app browsers and
 * on servers, the session is kept in memory.
 */
export function localStorageSession({ key = "devkit4ai.session" }: { key?: string } = {}): SessionStore {
  /** The session in memory. Undefined while localStorage works. */
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
  /** In seconds. */
  maxAge?: number;
};

/** The result of `cookies()` of `next/headers`. Cookie jars of other frameworks are easy to adapt. */
export type CookieJar = {
  get(name: string): { value: string } | undefined;
  set(name: string, value: string, options: CookieOptions): unknown;
};

/**
 * Keeps the session in a cookie that scripts cannot read, for server actions and route handlers: `cookieSession(await
 * cookies())`. A Server Component cannot set cookies. There a refreshed session is used for this request, and the next
 * request refreshes again. On plain http other than localhost pass `secure: false`.
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
        // This is a Server Component; see above.
      }
    },
  };
}

/** A new session from tokens. It uses the token's lifetime, so that a wrong local clock does no harm. */
export function toSession(
  tokens: { access_token: string; refresh_token: string; expires_in?: number },
  now = Date.now(),
): Session {
  const { access_token, refresh_token, expires_in = lifetimeOf(access_token) } = tokens;
  return { access_token, refresh_token, expires_at: new Date(now + expires_in * 1000).toISOString() };
}

const assumedSeconds = 300;

/** The lifetime in the token itself, since the answer of a registration does not contain it. */
function lifetimeOf(token: string): number {
  const claims = parseJson(fromBase64Url(token.split(".")[1] ?? "")) as {
    exp?: unknown;
    iat?: unknown;
  } | null;
  const seconds = Number(claims?.exp) - Number(claims?.iat);
  return seconds > 0 ? seconds : assumedSeconds;
}

/** Null for any other text. After a damaged session the user signs in again. */
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
