import { createHash } from "node:crypto";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";
import { type AuthAnswer, type AuthOperation, mayRepeat, meaningOf, readAnswer } from "./auth-answer.ts";

export type Tokens = { access_token: string; refresh_token: string; expires_in: number };

/** Supabase Auth stores passwords, and issues and refreshes tokens. Each call ends within eight seconds. */
export type AuthClient = {
  /** @throws ApiError weak_password, account_exists, validation_failed (the address), auth_unavailable */
  createUser(user: { id: string; email: string; password: string }): Promise<void>;
  deleteUser(id: string): Promise<void>;
  /** Null when the password is wrong or the account unknown. @throws ApiError account_not_verified */
  signIn(email: string, password: string, subject?: string): Promise<Tokens | null>;
  /** Null when the token is unknown or expired; "reused" when an older token was sent. */
  refresh(refreshToken: string): Promise<Tokens | "reused" | null>;
  /** Sets a password after a reset, and removes all second factors. @throws ApiError weak_password, user_not_found */
  setPassword(id: string, password: string): Promise<void>;
  /** Changes the address by which the account signs in. @throws ApiError account_exists, validation_failed, auth_unavailable */
  setEmail(id: string, email: string): Promise<void>;
  /** Changes the password of the token's owner and keeps the session. @throws ApiError weak_password, validation_failed */
  changePassword(accessToken: string, passwords: { current: string; next: string }): Promise<void>;
  /** Resolves when Auth answers. */
  check(deadlineMs: number): Promise<void>;
};

type Call = {
  method: "GET" | "POST" | "PUT" | "DELETE";
  path: string;
  body?: object;
  /** A user's token, which is sent instead of the secret key. */
  bearer?: string;
  /** The account or token that Auth's rate limit counts. */
  subject?: string;
};

const deadlineMs = 8_000;

export function createAuthClient(env: Env, fetcher: typeof fetch = fetch): AuthClient {
  async function send({ method, path, body, bearer, subject }: Call, signal: AbortSignal) {
    const headers: Record<string, string> = {
      apikey: env.secret_key,
      Authorization: `Bearer ${bearer ?? env.secret_key}`,
    };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (subject !== undefined) headers["Sb-Forwarded-For"] = standInAddress(subject);
    try {
      const response = await fetcher(`${env.supabase_url}/auth/v1${path}`, {
        method,
        headers,
        signal,
        redirect: "manual",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return readAnswer(response.status, await response.text());
    } catch (cause) {
      throw new ApiError("auth_unavailable", { cause });
    }
  }

  /** The call and its only repetition share one deadline. */
  async function ask(operation: AuthOperation, call: Call): Promise<AuthAnswer> {
    const signal = AbortSignal.timeout(deadlineMs);
    const answer = await send(call, signal);
    return mayRepeat(operation, answer) ? send(call, signal) : answer;
  }

  async function tokens(operation: AuthOperation, call: Call): Promise<Tokens | "reused" | null> {
    const answer = await ask(operation, call);
    const meaning = meaningOf(operation, answer);
    if (meaning !== "done") return meaning === "reused" ? meaning : null;
    const { access_token, refresh_token, expires_in } = answer.body;
    if (
      typeof access_token !== "string" ||
      typeof refresh_token !== "string" ||
      typeof expires_in !== "number"
    )
      throw unusable(operation);
    return { access_token, refresh_token, expires_in };
  }

  /** Auth answers 500 to one of two simultaneous calls for one address. The second attempt says that the address is taken. */
  async function createUser(user: { id: string; email: string; password: string }): Promise<void> {
    const call = { method: "POST", path: "/admin/users", body: { ...user, email_confirm: true } } as const;
    const first = await ask("create_user", call);
    if (first.status < 500) {
      meaningOf("create_user", first);
      if (first.body.id !== user.id) throw unusable("create_user");
      return;
    }
    try {
      meaningOf("create_user", await ask("create_user", call));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "account_exists") throw error;
      // The first attempt may have created the user before it failed.
      const own = await ask("read_user", { method: "GET", path: `/admin/users/${user.id}` });
      if (meaningOf("read_user", own) === "refused") throw error;
    }
  }

  return {
    createUser,
    async deleteUser(id) {
      meaningOf("delete_user", await ask("delete_user", { method: "DELETE", path: `/admin/users/${id}` }));
    },
    async signIn(email, password, subject = email) {
      const call = { method: "POST", path: "/token?grant_type=password", subject } as const;
      return notReused(await tokens("sign_in", { ...call, body: { email, password } }));
    },
    refresh(refreshToken) {
      const call = {
        method: "POST",
        path: "/token?grant_type=refresh_token",
        subject: refreshToken,
      } as const;
      return tokens("refresh", { ...call, body: { refresh_token: refreshToken } });
    },
    async setPassword(id, password) {
      const path = `/admin/users/${id}`;
      const answer = await ask("set_password", { method: "PUT", path, body: { password } });
      meaningOf("set_password", answer);
      for (const factor of factorsOf(answer)) {
        const call = { method: "DELETE", path: `${path}/factors/${factor}` } as const;
        meaningOf("delete_factor", await ask("delete_factor", call));
      }
    },
    async setEmail(id, email) {
      const body = { email, email_confirm: true };
      meaningOf("set_email", await ask("set_email", { method: "PUT", path: `/admin/users/${id}`, body }));
    },
    async changePassword(accessToken, { current, next }) {
      const body = { password: next, current_password: current };
      const call = { method: "PUT", path: "/user", bearer: accessToken, subject: accessToken, body } as const;
      meaningOf("change_password", await ask("change_password", call));
    },
    async check(withinMs) {
      const signal = AbortSignal.timeout(withinMs);
      const { status } = await send({ method: "GET", path: "/health" }, signal);
      if (status !== 200) throw new ApiError(status >= 500 ? "auth_unavailable" : "auth_error");
    },
  };
}

/**
 * Auth allows thirty calls at a time from one address, and an app's server has one for all users. The API counts by address
 * itself, so Auth gets an address (of fd00::/8) that stands for the account or token.
 */
function standInAddress(subject: string): string {
  const digest = createHash("sha256").update(subject).digest("hex");
  return `fd${digest.slice(0, 30)}`.replace(/(.{4})(?!$)/g, "$1:");
}

const notReused = (issued: Tokens | "reused" | null) => (issued === "reused" ? null : issued);

/** The ids of the user's second factors. */
function factorsOf({ body: { factors } }: AuthAnswer): string[] {
  const list: unknown[] = Array.isArray(factors) ? factors.slice(0, 20) : [];
  return list
    .map((factor) => (factor as { id?: unknown } | null)?.id)
    .filter((id): id is string => typeof id === "string" && /^[0-9a-f-]{36}$/.test(id));
}

const unusable = (operation: AuthOperation) =>
  new ApiError("auth_error", { cause: new Error(`Auth answered ${operation} without what was asked for`) });
