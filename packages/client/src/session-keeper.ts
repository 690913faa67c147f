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
/** The error codes of an ended session. Other errors may be temporary: an outage, an inactive project, a page of a proxy. */
const endings = ["invalid_refresh_token", "refresh_token_reused"];

/** Refreshes a session. Of all simultaneous calls, in this tab and in others, one refreshes and all get its tokens. */
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

  /** The session, refreshed when its token is about to expire. Null when nobody is signed in. */
  async fresh(): Promise<Session | null> {
    const session = await this.#store.get();
    if (session === null) return null;
    const leftMs = Date.parse(session.expires_at) - Date.now();
    if (leftMs > marginMs) return session;
    try {
      return await this.refresh(session);
    } catch (error) {
      // The refresh failed, but the token is valid until it expires.
      if (leftMs > 0 && (await this.#store.get()) !== null) return session;
      throw error;
    }
  }

  /**
   * The session after this one. Null when the account was signed out meanwhile.
   * @throws ApiError when the session has ended, which removes it; ConnectionError, which keeps it
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

  /** @returns a function that removes the listener */
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
    // Compares refresh tokens, since two access tokens of one second may be equal.
    let before = await this.#store.get();
    // In a browser another tab's write may arrive a little after its lock is free.
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
    // The account was signed out or changed during the request.
    if (now?.refresh_token !== refresh_token) return now;
    return this.save(tokens, "refreshed");
  }

  /** `run` gets whether another tab held the lock. */
  async #exclusively<T>(run: (hasWaited: boolean) => Promise<T>): Promise<T> {
    const name = this.#store.lock;
    const locks = name === undefined ? undefined : globalThis.navigator?.locks;
    if (name === undefined || locks === undefined) return run(false);
    const atOnce = await locks.request(name, { ifAvailable: true }, async (lock) =>
      lock === null ? null : { result: await run(false) },
    );
    if (atOnce !== null) return atOnce.result;
    // A frozen tab may hold the lock. The API accepts two simultaneous refreshes, so it is safe to continue.
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
        // A listener's error must not fail a sign-in, but it must be reported.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
