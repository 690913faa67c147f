import { ApiError } from "../errors.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Session } from "../session.ts";
import type { SessionListener } from "../session-keeper.ts";
import type { Body, Query, Schema } from "../wire.ts";

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

  /**
   * Ends this session (`local`, the default), all others, or all (`global`). Resolves also when it was over already.
   * @throws ConnectionError when nobody answers; the session is then still kept
   */
  async logout(body: Body<"auth.logout"> = {}, options?: RequestOptions): Promise<void> {
    const isOwnGone = body.scope !== "others";
    try {
      await this.#http.request("post", "/api/v1/auth/logout", { body }, options);
    } catch (error) {
      if (!(isOwnGone && error instanceof ApiError && error.status === 401)) throw error;
    }
    if (isOwnGone) await this.#http.sessions.forget();
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

  updateMe(body: Body<"auth.updateMe">, options?: RequestOptions): Promise<Schema<"User">> {
    return this.#http.request("patch", "/api/v1/auth/me", { body }, options);
  }

  /** Deletes the account for good, and what belongs to it. */
  async deleteMe(body: Body<"auth.deleteMe">, options?: RequestOptions): Promise<void> {
    await this.#http.request("delete", "/api/v1/auth/me", { body }, options);
    await this.#http.sessions.forget();
  }

  /** Every other session ends. */
  changePassword(body: Body<"auth.changePassword">, options?: RequestOptions): Promise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/change-password", { body }, options);
  }

  /** With the token of the link in the mail, which works once. */
  verifyEmail(body: Body<"auth.verifyEmail">, options?: RequestOptions): Promise<Schema<"VerifiedEmail">> {
    return this.#http.request("post", "/api/v1/auth/verify-email", { body, sends: "nothing" }, options);
  }

  /** Another mail, of whoever is signed in or of `user_id`. The answer is the same whether or not there is one to verify. */
  requestVerification(
    query: Query<"auth.requestVerification"> = {},
    options?: RequestOptions,
  ): Promise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/request-verification", { query }, options);
  }

  /** The answer is the same whether or not there is such an account. */
  requestPasswordReset(
    body: Body<"auth.requestPasswordReset">,
    options?: RequestOptions,
  ): Promise<Schema<"Message">> {
    return this.#http.request(
      "post",
      "/api/v1/auth/request-password-reset",
      { body, sends: "keys" },
      options,
    );
  }

  /** With the token of the link in the mail. Every session of the account ends. */
  resetPassword(body: Body<"auth.resetPassword">, options?: RequestOptions): Promise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/reset-password", { body, sends: "nothing" }, options);
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
