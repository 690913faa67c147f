import { type ApiPromise, toApiPromise } from "../api-promise.ts";
import { ApiError } from "../errors.ts";
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
   * With `needs_verification` nobody is signed in: the project wants the address verified first. `access_token` is also null where
   * the new account could not be signed in just now; it exists, so try `login` a little later.
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
      // The account and its keys must reach the caller, whatever becomes of the sign-in.
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

  /** End users need projectId, developers must not have one (or pass `{ projectId: null }`). */
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
  me(options?: RequestOptions): ApiPromise<Schema<"User">> {
    return this.#http.request("get", "/api/v1/auth/me", {}, options);
  }

  updateMe(body: Body<"auth.updateMe">, options?: RequestOptions): ApiPromise<Schema<"User">> {
    return this.#http.request("patch", "/api/v1/auth/me", { body }, options);
  }

  /** Deletes the account for good, and what belongs to it. */
  async deleteMe(body: Body<"auth.deleteMe">, options?: RequestOptions): Promise<void> {
    await this.#http.request("delete", "/api/v1/auth/me", { body }, options);
    await this.#http.sessions.forget();
  }

  /** Every other session ends. */
  changePassword(body: Body<"auth.changePassword">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/change-password", { body }, options);
  }

  /** Both addresses get a mail; the new one counts when its token went to verifyEmail. */
  changeEmail(body: Body<"auth.changeEmail">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/change-email", { body }, options);
  }

  /** What the token of a mail is for, and whether it still works. Uses nothing up. */
  checkMailToken(
    body: Body<"auth.checkMailToken">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"CheckedMailToken">> {
    return this.#http.request("post", "/api/v1/auth/check-mail-token", { body, sends: "nothing" }, options);
  }

  /** With the token of the link in the mail, which works once. */
  verifyEmail(body: Body<"auth.verifyEmail">, options?: RequestOptions): ApiPromise<Schema<"VerifiedEmail">> {
    return this.#http.request("post", "/api/v1/auth/verify-email", { body, sends: "nothing" }, options);
  }

  /** Another mail, to whoever is signed in, or by `email` or `user_id`. The answer is the same whether or not there is one to verify. */
  requestVerification(
    body: Body<"auth.requestVerification"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"Message">> {
    return this.#http.request("post", "/api/v1/auth/request-verification", { body }, options);
  }

  /** The answer is the same whether or not there is such an account. */
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

  /** With the token of the link in the mail. Every session of the account ends. */
  resetPassword(body: Body<"auth.resetPassword">, options?: RequestOptions): ApiPromise<Schema<"Message">> {
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
