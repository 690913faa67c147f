import type postgres from "postgres";
import { readConfig } from "./config.ts";

const REFRESH = /^\/auth\/v1\/token\?(?:.*&)?grant_type=refresh_token(?:&|$)/;

/** Adds what lite lacks: refreshes of one session take turns, and a token may be reused for seconds. */
export class RefreshTurns {
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #reuse_seconds = Number(readConfig().section("auth").refresh_token_reuse_interval ?? 0);

  static matches(method: string | undefined, url: string | undefined): boolean {
    return method === "POST" && REFRESH.test((url ?? "").replace(/^\/{2,}/, "/"));
  }

  /** Runs `work` with the body for lite, after all earlier refreshes of the same session. */
  async take(sql: postgres.Sql, body: unknown, work: (body: unknown) => Promise<void>): Promise<void> {
    const { refresh_token: token } = (body ?? {}) as { refresh_token?: unknown };
    if (typeof token !== "string") return work(body);
    const [row] = await sql<{ session_id: string | null }[]>`
      select session_id from auth.refresh_tokens where token = ${token}`;
    const session = row?.session_id ?? token;
    const turn = (this.#last.get(session) ?? Promise.resolve()).then(async () =>
      work({ ...(body as object), refresh_token: await this.#accepted(sql, token) }),
    );
    const settled = turn.catch(() => {});
    this.#last.set(session, settled);
    await turn.finally(() => {
      if (this.#last.get(session) === settled) this.#last.delete(session);
    });
  }

  /** Lite accepts the parent of the newest token at any time, so the parent replaces a token that was just used. */
  async #accepted(sql: postgres.Sql, token: string): Promise<string> {
    const [row] = await sql<{ parent: string }[]>`
      select newest.parent
      from auth.refresh_tokens used
      join auth.refresh_tokens newest on newest.session_id = used.session_id and not newest.revoked
      where used.token = ${token} and used.revoked and newest.parent is not null
        and used.updated_at > now() - make_interval(secs => ${this.#reuse_seconds})
      order by newest.created_at desc limit 1`;
    return row?.parent ?? token;
  }
}
