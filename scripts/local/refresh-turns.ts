import type postgres from "postgres";
import type { Session } from "./auth-session.ts";
import { readConfig } from "./config.ts";

/** The rules for a version of refresh tokens. */
export type RefreshRules = {
  /** The session of a token. */
  sessionOf: (sql: postgres.Sql, token: string) => Promise<string | null | undefined>;
  /** The token for lite. Throws a refusal in the form of Auth. */
  accepted: (sql: postgres.Sql, token: string) => Promise<string>;
  /** The client's token for lite's token. */
  toExternal: (sql: postgres.Sql, session: Session) => Promise<string>;
};

/** Version 1: each token has a parent, and may be reused for some seconds. */
export const familyTokens: RefreshRules = {
  sessionOf: async (sql, token) => {
    const [row] = await sql<{ session_id: string | null }[]>`
      select session_id from auth.refresh_tokens where token = ${token}`;
    return row?.session_id;
  },
  // Lite accepts the parent of the newest token at any time, so the parent replaces a token that was just used.
  accepted: async (sql, token) => {
    const [row] = await sql<{ parent: string }[]>`
      select newest.parent
      from auth.refresh_tokens used
      join auth.refresh_tokens newest on newest.session_id = used.session_id and not newest.revoked
      where used.token = ${token} and used.revoked and newest.parent is not null
        and used.updated_at > now() - make_interval(secs => ${reuseSeconds()})
      order by newest.created_at desc limit 1`;
    return row?.parent ?? token;
  },
  toExternal: async (_sql, { refresh_token }) => refresh_token,
};

/** The seconds in which a used token may be used again. */
export const reuseSeconds = () => Number(readConfig().section("auth").refresh_token_reuse_interval ?? 0);
