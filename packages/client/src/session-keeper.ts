import { ApiError } from "./errors.ts";
import { type Session, type SessionStore, toSession } from "./session.ts";
import { sleep } from "./sleep.ts";

export type SessionEvent = "signed_in" | "refreshed" | "signed_out";
export type SessionListener = (session: Session | null, event: SessionEvent) => void;
type Tokens = { access_token: string; refresh_token: string; expires_in?: number };

const marginMs = 30_000;
const longestLockMs = 10_000;
const longestSettleMs = 1_000;
const settleMs = 20;
/** The API's words for a session that is over. Anything else may pass: an outage, a project that is off, a proxy's page. */
const endings = ["invalid_refresh_token", "refresh_token_reused"];

/** Keeps one session fresh. However many ask at once, here or in other tabs, one refreshes and all get its tokens. */
export class SessionKeeper {
  readonly #store: SessionStore;
  readonly #renew: (refreshToken: string) => Promise<Tokens>;
  readonly #listeners = new Set<SessionListener>();
  #refreshing: Promise<Session | null> | null = null;
  #unsubscribe: (() => void) | undefined;
  #known: string | null = null;

  constructor(store: SessionStore, renew: (refreshToken: string) => Promise<Tokens>) {
    this.#store = store;
    this.#renew = renew;
  }

  async current(): Promise<Session | null> {
    return this.#store.get();
  }

  /** The session to use, refreshed when its token is about to end; null when nobody is signed in. */
  async fresh(): Promise<Session | null> {
    const session = await this.#store.get();
    if (session === null) return null;
    const leftMs = Date.parse(session.expires_at) - Date.now();
    if (leftMs > marginMs) return session;
    try {
      return await this.refresh(session);
    } catch (error) {
      // Nobody answered, or an outage: the token still serves for what is left of it.
      if (leftMs > 0 && (await this.#store.get()) !== null) return session;
      throw error;
    }
  }

  /**
   * The session after this one; null when it was signed out meanwhile.
   * @throws ApiError when the session is over, and then it is forgotten; ConnectionError, and then it is kept
   */
  refresh(session: Session): Promise<Session | null> {
    this.#refreshing ??= this.#exclusively((hasWaited) => this.#refresh(session, hasWaited)).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async save(tokens: Tokens, event: "signed_in" | "refreshed"): Promise<Session> {
    const session = toSession(tokens);
    await this.#store.set(session);
    this.#tell(session, event);
    return session;
  }

  async forget(): Promise<void> {
    if ((await this.#store.get()) === null) return;
    await this.#store.set(null);
    this.#tell(null, "signed_out");
  }

  /** Returns a function that ends it. */
  listen(listener: SessionListener): () => void {
    this.#listeners.add(listener);
    if (this.#unsubscribe === undefined && this.#store.subscribe !== undefined) {
      this.#unsubscribe = this.#store.subscribe(() => void this.#changedElsewhere());
      void this.current().then((session) => {
        this.#known ??= session?.refresh_token ?? null;
      });
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  async #refresh({ refresh_token }: Session, hasWaited: boolean): Promise<Session | null> {
    // By the refresh token: two access tokens of one second may be equal.
    let before = await this.#store.get();
    // A browser brings the other tab's write here a little later than its lock.
    const giveUpAt = hasWaited ? Date.now() + longestSettleMs : 0;
    while (before?.refresh_token === refresh_token && Date.now() < giveUpAt) {
      await sleep(settleMs, undefined);
      before = await this.#store.get();
    }
    if (before === null || before.refresh_token !== refresh_token) return before;
    let tokens: Tokens;
    try {
      tokens = await this.#renew(refresh_token);
    } catch (error) {
      const isOver = error instanceof ApiError && endings.includes(error.code);
      if (!isOver) throw error;
      const now = await this.#store.get();
      if (now !== null && now.refresh_token !== refresh_token) return now;
      await this.forget();
      throw error;
    }
    const now = await this.#store.get();
    // Signed out, or in as somebody else, while the answer was on its way.
    if (now?.refresh_token !== refresh_token) return now;
    return this.save(tokens, "refreshed");
  }

  /** `run` hears whether another tab was at it. */
  async #exclusively<T>(run: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const name = this.#store.lock;
    const locks = name === undefined ? undefined : globalThis.navigator?.locks;
    if (name === undefined || locks === undefined) return run(false);
    const atOnce = await locks.request(name, { ifAvailable: true }, async (lock) =>
      lock === null ? null : { result: await run(false) },
    );
    if (atOnce !== null) return atOnce.result;
    // A tab that was frozen may hold the lock; the API accepts two refreshes at once, so going on is safe.
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), longestLockMs);
    let started = false;
    try {
      return (await locks.request(name, { signal: patience.signal }, () => {
        started = true;
        clearTimeout(timer);
        return run(true);
      })) as T;
    } catch (error) {
      if (started || !patience.signal.aborted) throw error;
      return run(false);
    } finally {
      clearTimeout(timer);
    }
  }

  async #changedElsewhere(): Promise<void> {
    const session = await this.#store.get();
    const event = session === null ? "signed_out" : this.#known === null ? "signed_in" : "refreshed";
    this.#tell(session, event);
  }

  #tell(session: Session | null, event: SessionEvent): void {
    this.#known = session?.refresh_token ?? null;
    for (const listener of this.#listeners) {
      try {
        listener(session, event);
      } catch (error) {
        // A broken listener must not break a sign-in, nor stay unnoticed.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
