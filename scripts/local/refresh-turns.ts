import type postgres from "postgres";
import type { Session } from "./auth-session.ts";
import { readConfig } from "./config.ts";

const refreshPattern = /^\/auth\/v1\/token\?(?:.*&)?grant_type=refresh_token(?:&|$)/;

/** How refresh tokens are made, and which ones are accepted. */
export type RefreshRules = {
  /** Whose turn it is. */
  sessionOf(sql: postgres.Sql, token: string): Promise<string | null | undefined>;
  /**
   * What lite is to see.
   * @throws Refusal in Auth's words
   */
  accepted(sql: postgres.Sql, token: string): Promise<string>;
  /** What the client gets for lite's token. */
  outward(sql: postgres.Sql, session: Session): Promise<string>;
};

/** Adds what lite lacks: refreshes of one session take turns. */
export class RefreshTurns {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #rules: RefreshRules;

  constructor(rules: RefreshRules) {
    this.#rules = rules;
  }

  static matches(method: string | undefined, url: string | undefined): boolean {
    return method === "POST" && refreshPattern.test((url ?? "").replace(/^\/{2,}/, "/"));
  }

  /** Runs `work` with the body for lite, after all earlier refreshes of the same session. */
  async take(sql: postgres.Sql, body: unknown, work: (body: unknown) => Promise<void>): Promise<void> {
    const { refresh_token: token } = (body ?? {}) as { refresh_token?: unknown };
    if (typeof token !== "string") return work(body);
    const session = (await this.#rules.sessionOf(sql, token)) ?? token;
    const turn = (this.#last.get(session) ?? Promise.resolve()).then(async () =>
      work({ ...(body as object), refresh_token: await this.#rules.accepted(sql, token) }),
    );
    const settled = turn.catch(() => {});
    this.#last.set(session, settled);
    await turn.finally(() => {
      if (this.#last.get(session) === settled) this.#last.delete(session);
    });
  }

  outward(sql: postgres.Sql, session: Session): Promise<string> {
    return this.#rules.outward(sql, session);
  }
}

/** Each token has a parent, and may be reused for seconds. */
export class FamilyTokens implements RefreshRules {
  async sessionOf(sql: postgres.Sql, token: string): Promise<string | null | undefined> {
    const [row] = await sql<{ session_id: string | null }[]>`
      select session_id from auth.refresh_tokens where token = ${token}`;
    return row?.session_id;
  }

  /** Lite accepts the parent of the newest token at any time, so the parent replaces a token that was just used. */
  async accepted(sql: postgres.Sql, token: string): Promise<string> {
    const [row] = await sql<{ parent: string }[]>`
      select newest.parent
      from auth.refresh_tokens used
      join auth.refresh_tokens newest on newest.session_id = used.session_id and not newest.revoked
      where used.token = ${token} and used.revoked and newest.parent is not null
        and used.updated_at > now() - make_interval(secs => ${reuseSeconds()})
      order by newest.created_at desc limit 1`;
    return row?.parent ?? token;
  }

  async outward(_sql: postgres.Sql, { refresh_token }: Session): Promise<string> {
    return refresh_token;
  }
}

/** How long a token that was used may be used again. */
export const reuseSeconds = () => Number(readConfig().section("auth").refresh_token_reuse_interval ?? 0);
