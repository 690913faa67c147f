import { type AuthError, createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";

export type Tokens = { access_token: string; refresh_token: string; expires_in: number };

/** Supabase Auth: keeps passwords, issues and refreshes tokens. `ip` is the caller's, for Auth's own limits. */
export type AuthClient = {
  /** @throws ApiError weak_password, account_exists, auth_unavailable */
  createUser(user: { id: string; email: string; password: string }): Promise<void>;
  deleteUser(id: string): Promise<void>;
  /** Null when the password is wrong or the account unknown. */
  signIn(email: string, password: string, ip: string | undefined): Promise<Tokens | null>;
  /** Null when the token is unknown, used or expired. */
  refresh(refreshToken: string, ip: string | undefined): Promise<Tokens | null>;
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
      return tokensOrNull(data.session, error);
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
