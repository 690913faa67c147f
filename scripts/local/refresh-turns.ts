import type postgres from "postgres";
import type { Session } from "./auth-session.ts";
import { readConfig } from "./config.ts";

/** How refresh tokens are made, and which ones are accepted. */
export type RefreshRules = {
  /** Whose turn it is. */
  sessionOf: (sql: postgres.Sql, token: string) => Promise<string | null | undefined>;
  /** What lite is to see. Throws a refusal in Auth's words. */
  accepted: (sql: postgres.Sql, token: string) => Promise<string>;
  /** What the client gets for lite's token. */
  outward: (sql: postgres.Sql, session: Session) => Promise<string>;
};

/** Refreshes of one session take turns, which lite lacks. */
export function takeTurns(): (session: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<unknown>>();
  return async (session, work) => {
    const turn = (last.get(session) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {});
    last.set(session, settled);
    await turn.finally(() => {
      if (last.get(session) === settled) last.delete(session);
    });
  };
}

/** Each token has a parent, and may be reused for seconds. */
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
  outward: async (_sql, { refresh_token }) => refresh_token,
};

/** How long a token that was used may be used again. */
export const reuseSeconds = () => Number(readConfig().section("auth").refresh_token_reuse_interval ?? 0);
