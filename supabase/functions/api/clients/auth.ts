import { type AuthError, createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { ApiError, invalidField } from "../errors.ts";

export type Tokens = { access_token: string; refresh_token: string; expires_in: number };
export type MailToken = { token: string; code: string };
/** What a mail proves: Auth keeps one token for a user, so the newest mail counts, whatever its kind. */
export type TokenKind = "magiclink" | "recovery";
export type Proof = { token_hash: string; type: TokenKind } | { email: string; code: string };

/** Supabase Auth: keeps passwords, issues and refreshes tokens. `ip` is the caller's, for Auth's own limits. */
export type AuthClient = {
  /** @throws ApiError weak_password, account_exists, validation_failed (the address), auth_unavailable */
  createUser(user: { id: string; email: string; password: string }): Promise<void>;
  deleteUser(id: string): Promise<void>;
  /** Null when the password is wrong or the account unknown. */
  signIn(email: string, password: string, ip: string | undefined): Promise<Tokens | null>;
  /** Null when the token is unknown or expired; "reused" when an old one came back. */
  refresh(refreshToken: string, ip: string | undefined): Promise<Tokens | "reused" | null>;
  /** A new token for a mail, which replaces every older one of that user. Null when Auth knows no such user. */
  createMailToken(kind: TokenKind, email: string): Promise<MailToken | null>;
  /** Consumes a token of a mail; the session proves it. Null when it is wrong, used, expired or replaced. */
  useMailToken(proof: Proof, ip: string | undefined): Promise<Tokens | null>;
  /** @throws ApiError weak_password, auth_unavailable */
  setPassword(id: string, password: string): Promise<void>;
  /** Changes the password of the token's owner, whose session goes on. @throws ApiError weak_password, validation_failed */
  changePassword(accessToken: string, password: string): Promise<void>;
  /** Resolves when Auth answers. */
  check(deadlineMs: number): Promise<void>;
};

const timeoutMs = 8_000;

export function createAuthClient(env: Env, fetcher: typeof fetch = fetch): AuthClient {
  const timed: typeof fetch = (input, init) =>
    fetcher(input, { ...init, signal: AbortSignal.timeout(timeoutMs) });

  // A client keeps the session of its last sign-in, so every sign-in gets its own.
  function client(ip?: string): SupabaseClient["auth"] {
    return createClient(env.supabase_url, env.secret_key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: { fetch: timed, headers: ip === undefined ? {} : { "Sb-Forwarded-For": ip } },
    }).auth;
  }
  const { admin } = client();

  return {
    async createUser({ id, email, password }) {
      const { error } = await admin.createUser({ id, email, password, email_confirm: true });
      if (error?.code === "validation_failed" || error?.code === "email_address_invalid")
        throw invalidField(["body", "email"], "is not an address that can sign in");
      if (error) throw failure(error);
    },
    async deleteUser(id) {
      const { error } = await admin.deleteUser(id);
      if (error && error.status !== 404) throw failure(error);
    },
    async signIn(email, password, ip) {
      const { data, error } = await client(ip).signInWithPassword({ email, password });
      return tokensOrNull(data.session, error);
    },
    async refresh(refreshToken, ip) {
      const { data, error } = await client(ip).refreshSession({ refresh_token: refreshToken });
      if (error?.code === "refresh_token_already_used") return "reused";
      return tokensOrNull(data.session, error);
    },
    async createMailToken(type, email) {
      const { data, error } = await admin.generateLink({ type, email });
      if (error?.status === 404 || error?.code === "user_not_found") return null;
      if (error) throw failure(error);
      const { hashed_token, email_otp } = data.properties;
      return { token: hashed_token, code: email_otp };
    },
    async useMailToken(proof, ip) {
      const { data, error } = await client(ip).verifyOtp(
        "code" in proof ? { email: proof.email, token: proof.code, type: "magiclink" } : proof,
      );
      return tokensOrNull(data.session, error);
    },
    async setPassword(id, password) {
      const { error } = await admin.updateUserById(id, { password });
      if (error) throw failure(error);
    },
    async changePassword(accessToken, password) {
      // supabase-js changes only the session that it holds, and this one is the caller's.
      const response = await timed(`${env.supabase_url}/auth/v1/user`, {
        method: "PUT",
        headers: {
          apikey: env.secret_key,
          Authorization: `Bearer ${accessToken}`,
          "Content-Type": "application/json",
        },
        body: JSON.stringify({ password }),
      }).catch((cause) => {
        throw new ApiError("auth_unavailable", { cause });
      });
      const body: unknown = await response.json().catch(() => null);
      if (response.ok) return;
      const { error_code, code } = (body ?? {}) as { error_code?: string; code?: string };
      const reason = error_code ?? code;
      const cause = new Error(`Auth answered ${response.status} ${reason} to a change of password`);
      if (reason === "same_password")
        throw invalidField(["body", "new_password"], "must differ from the current one");
      if (reason === "weak_password") throw new ApiError("weak_password", { cause });
      throw new ApiError(response.status >= 500 ? "auth_unavailable" : "auth_error", { cause });
    },
    async check(deadlineMs) {
      const response = await fetcher(`${env.supabase_url}/auth/v1/health`, {
        headers: { apikey: env.secret_key },
        signal: AbortSignal.timeout(deadlineMs),
      }).catch((cause) => {
        throw new ApiError("auth_unavailable", { cause });
      });
      await response.body?.cancel();
      if (!response.ok) throw new ApiError(response.status >= 500 ? "auth_unavailable" : "auth_error");
    },
  };
}

function tokensOrNull(session: Tokens | null, error: AuthError | null): Tokens | null {
  if (session) {
    const { access_token, refresh_token, expires_in } = session;
    return { access_token, refresh_token, expires_in };
  }
  if (error?.status !== undefined && error.status >= 400 && error.status < 500 && error.status !== 429)
    return null;
  throw failure(error);
}

/** GoTrue's own words can name constraints and addresses: they become the cause, never the answer. */
function failure(error: AuthError | null): ApiError {
  const cause = error ?? new Error("Auth answered without a session and without an error");
  if (error?.code === "weak_password") return new ApiError("weak_password", { cause });
  if (error?.code === "email_exists" || error?.code === "user_already_exists")
    return new ApiError("account_exists", { cause });
  if (error?.status === 429) return new ApiError("rate_limited", { cause, retryAfterSeconds: 60 });
  if (error?.status === undefined || error.status === 0 || error.status >= 500)
    return new ApiError("auth_unavailable", { cause });
  return new ApiError("auth_error", { cause });
}
