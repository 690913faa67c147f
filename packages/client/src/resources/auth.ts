import type { Http, RequestOptions } from "../http.ts";
import type { Session } from "../session.ts";
import type { SessionListener } from "../session-keeper.ts";
import type { Body, Schema } from "../wire.ts";

/** Accounts and their sign-in. The session that results is kept in the store of createClient and sent from then on. */
export class Auth {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates an account and signs it in: an end user with developerKey and projectId, a developer with operatorKey.
   * `access_token` is null where the project wants the address verified first; then nobody is signed in.
   */
  async register(body: Body<"auth.register">, options?: RequestOptions): Promise<Schema<"RegisteredUser">> {
    const account = await this.#http.request(
      "post",
      "/api/v1/auth/register",
      { body, sends: "keys" },
      options,
    );
    const { access_token, refresh_token } = account;
    if (access_token !== null && refresh_token !== null) {
      await this.#http.sessions.save({ access_token, refresh_token }, "signed_in");
    }
    return account;
  }

  /** End users need projectId, developers must not have one (or pass `{ projectId: null }`). */
  async login(body: Body<"auth.login">, options?: RequestOptions): Promise<Schema<"Tokens">> {
    const tokens = await this.#http.request("post", "/api/v1/auth/login", { body, sends: "keys" }, options);
    await this.#http.sessions.save(tokens, "signed_in");
    return tokens;
  }

  /** Calls do this by themselves when it is time. Null when nobody is signed in. */
  async refresh(): Promise<Session | null> {
    const session = await this.session();
    return session && this.#http.sessions.refresh(session);
  }

  /** The account that is signed in. */
  me(options?: RequestOptions): Promise<Schema<"User">> {
    return this.#http.request("get", "/api/v1/auth/me", {}, options);
  }

  /** What is in the store, with no request; null when nobody is signed in. */
  session(): Promise<Session | null> {
    return this.#http.sessions.current();
  }

  /** Tells of sign-in, refresh and sign-out, also in another tab. Returns a function that ends this. */
  onSessionChange(listener: SessionListener): () => void {
    return this.#http.sessions.listen(listener);
  }
}
