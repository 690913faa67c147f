import { type ApiPromise, toApiPromise } from "../api-promise.ts";
import { ApiError } from "../errors.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Session } from "../session.ts";
import type { SessionListener } from "../session-keeper.ts";
import type { Body, Schema } from "../wire.ts";

/** Accounts and sign-in. The session is kept in the store of createClient and sent with later calls. */
export class Auth {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates an account and signs it in: an end user with developerKey and projectId, a developer with operatorKey.
   * With `needs_verification` nobody is signed in, since the project requires a verified address. `access_token` is also null when
   * the sign-in of the new account failed. The account exists, so call `login` later.
   * @throws ApiError account_exists, weak_password, registration_key_required
   */
  register(body: Body<"auth.register">, options?: RequestOptions): ApiPromise<Schema<"RegisteredUser">> {
    const post = async () => {
      const init = { body, sends: "keys" } as const;
      const received = await this.#http.send("post", "/api/v1/auth/register", init, options);
      const { access_token, refresh_token, needs_verification, role } = received.data;
      if (access_token !== null && refresh_token !== null) {
        await this.#http.sessions.save({ access_token, refresh_token }, "signed_in");
        return received;
      }
      if (needs_verification) return received;
      // The caller must get the account and its keys, even if the sign-in fails.
      const where = role === "end_user" ? options : { ...options, projectId: null };
      const tokens = await this.login({ email: body.email, password: body.password }, where).catch(
        () => null,
      );
      if (tokens === null) return received;
      const { access_token: access, refresh_token: refresh } = tokens;
      return { ...received, data: { ...received.data, access_token: access, refresh_token: refresh } };
    };
    return toApiPromise(post());
  }

  /**
   * Signs in and stores the session. End users need projectId; developers must not have one (or pass `{ projectId: null }`).
   * @throws ApiError invalid_credentials, account_not_verified, account_deactivated, attempts_exceeded
   */
  login(body: Body<"auth.login">, options?: RequestOptions): ApiPromise<Schema<"Tokens">> {
    const post = async () => {
      const init = { body, sends: "keys" } as const;
      const received = await this.#http.send("post", "/api/v1/auth/login", init, options);
      await this.#http.sessions.save(received.data, "signed_in");
      return received;
    };
    return toApiPromise(post());
  }

  /**
   * Ends this session (`local`, the default), all others, or all (`global`). It also resolves when the session had ended already.
   * @throws ConnectionError without an answer, and then the session is kept
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

  /**
   * Refreshes the session. Calls do this automatically. Null when nobody is signed in.
   * @throws ApiError invalid_refresh_token, refresh_token_reused: the session has ended and was removed from the store
   */
  async refresh(): Promise<Session | null> {
    const session = await this.session();
    return session && this.#http.sessions.refresh(session);
  }

  /** The account that is signed in. */
  me(options?: RequestOptions): ApiPromise<Schema<"User">> {
    return this.#http.request("get", "/api/v1/auth/me", {}, options);
  }

  /** Changes the name of the signed-in account. */
  updateMe(body: Body<"auth.updateMe">, options?: RequestOptions): ApiPromise<Schema<"User">> {
    return this.#http.request("patch", "/api/v1/auth/me", { body }, options);
  }

  /**
   * Deletes the account and its data permanently. It requires the password.
   * @throws ApiError wrong_password, attempts_exceeded
   */
  async deleteMe(body: Body<"auth.deleteMe">, options?: RequestOptions): Promise<void> {
    await this.#http.request("delete", "/api/v1/auth/me", { body }, options);
    await this.#http.sessions.forget();
  }

  /**
   * Changes the password and ends every other session.
   * @throws ApiError wrong_password, weak_password, password_change_running, attempts_exceeded
   */
  changePassword(body: Body<"auth.changePassword">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/change-password", { body }, options);
  }

  /**
   * Mails both addresses. The change takes effect when `verifyEmail` gets the token of the new address, within a day.
   * @throws ApiError wrong_password, account_exists, email_unchanged, attempts_exceeded, mail_limit_exceeded
   */
  changeEmail(body: Body<"auth.changeEmail">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/change-email", { body }, options);
  }

  /**
   * The purpose of a mail's token and whether it is valid. It does not use the token.
   * @throws ApiError mail_token_invalid, attempts_exceeded
   */
  checkMailToken(
    body: Body<"auth.checkMailToken">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"CheckedMailToken">> {
    return this.#http.request("post", "/api/v1/auth/check-mail-token", { body, sends: "nothing" }, options);
  }

  /**
   * Verifies an address with the token of the mail's link, which works once within a day.
   * @throws ApiError verification_token_invalid, verification_token_used, attempts_exceeded
   */
  verifyEmail(body: Body<"auth.verifyEmail">, options?: RequestOptions): ApiPromise<Schema<"VerifiedEmail">> {
    return this.#http.request("post", "/api/v1/auth/verify-email", { body, sends: "nothing" }, options);
  }

  /**
   * Sends another verification mail to the signed-in account, at most one a minute, or by `email` or `user_id`.
   * By `email` or `user_id`, the answer does not show whether an account needs it.
   * @throws ApiError mail_limit_exceeded, attempts_exceeded
   */
  requestVerification(
    body: Body<"auth.requestVerification"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/request-verification", { body }, options);
  }

  /**
   * Sends a mail to reset the password. The answer does not show whether the account exists.
   * @throws ApiError attempts_exceeded
   */
  requestPasswordReset(
    body: Body<"auth.requestPasswordReset">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"Message">> {
    return this.#http.request(
      "post",
      "/api/v1/auth/request-password-reset",
      { body, sends: "keys" },
      options,
    );
  }

  /**
   * Sets a password with the token of the mail's link, within an hour. It ends every session of the account.
   * @throws ApiError reset_token_invalid, reset_token_used, weak_password, password_change_running, attempts_exceeded
   */
  resetPassword(body: Body<"auth.resetPassword">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/reset-password", { body, sends: "nothing" }, options);
  }

  /** The session in the store, without a request. Null when nobody is signed in. */
  session(): Promise<Session | null> {
    return this.#http.sessions.current();
  }

  /** Calls the listener after sign-in, refresh and sign-out, also of another tab. @returns a function that removes the listener */
  onSessionChange(listener: SessionListener): () => void {
    return this.#http.sessions.listen(listener);
  }
}
