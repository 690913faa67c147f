import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { decodeJwt } from "jose";
import { authRefusal } from "./auth-refusal.ts";
import { type RefreshRules, reuseSeconds } from "./refresh-turns.ts";

/** A token is the session, a count and a signature. */
const sessionBytes = 16;
const countBytes = 4;
const signatureBytes = 16;
const bodyBytes = sessionBytes + countBytes;

/**
 * Refresh tokens as Auth makes them with `refresh_token_algorithm_version = 2`: a session has a key and a count instead
 * of a list of tokens. Each is replaced by a token of lite.
 */
export const countedTokens: RefreshRules = {
  sessionOf: async (_sql, token) => read(token)?.session_id,
  accepted: async (sql, token) => {
    const counted = read(token);
    // A token from before the setting, or an invalid one: lite decides.
    if (counted === undefined) return token;
    const { session_id, count, body, signature } = counted;
    const [session] = await sql<{ key: string; count: number; is_recent: boolean; newest: string | null }[]>`
      select refresh_token_hmac_key as key, refresh_token_counter::int as count,
        coalesce(refreshed_at, created_at at time zone 'utc')
          > now() at time zone 'utc' - make_interval(secs => ${reuseSeconds()}) as is_recent,
        (select token from auth.refresh_tokens where session_id = sessions.id and not revoked
          order by created_at desc limit 1) as newest
      from auth.sessions where id = ${session_id} and refresh_token_hmac_key is not null`;
    if (session === undefined || !timingSafeEqual(signatureOf(body, session.key), signature))
      throw authRefusal(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
    const behind = session.count - count;
    if (behind < 0)
      throw authRefusal(400, "validation_failed", "Invalid Refresh Token: Not Issued By This Server");
    // A lost answer and simultaneous tabs are allowed. Any other old token may be stolen.
    if (behind > 1 && !session.is_recent) {
      await sql`delete from auth.refresh_tokens where session_id = ${session_id}`;
      await sql`delete from auth.sessions where id = ${session_id}`;
      throw authRefusal(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used");
    }
    if (behind === 0)
      await sql`update auth.sessions set refresh_token_counter = refresh_token_counter + 1 where id = ${session_id}`;
    return session.newest ?? token;
  },
  toExternal: async (sql, { access_token, refresh_token }) => {
    const { session_id } = decodeJwt<{ session_id: string }>(access_token);
    const [session] = await sql<{ key: string; count: number }[]>`
      update auth.sessions set
        refresh_token_hmac_key = coalesce(refresh_token_hmac_key, ${randomBytes(32).toString("base64url")}),
        refresh_token_counter = coalesce(refresh_token_counter, 0)
      where id = ${session_id}
      returning refresh_token_hmac_key as key, refresh_token_counter::int as count`;
    return session === undefined ? refresh_token : write(session_id, session);
  },
};

function write(sessionId: string, { key, count }: { key: string; count: number }): string {
  const body = Buffer.alloc(bodyBytes);
  body.write(sessionId.replaceAll("-", ""), "hex");
  body.writeUInt32BE(count, sessionBytes);
  return Buffer.concat([body, signatureOf(body, key)]).toString("base64url");
}

function read(token: string) {
  const bytes = Buffer.from(token.slice(0, 100), "base64url");
  if (bytes.length !== bodyBytes + signatureBytes || bytes.toString("base64url") !== token) return undefined;
  const [body, signature] = [bytes.subarray(0, bodyBytes), bytes.subarray(bodyBytes)];
  const hex = body.toString("hex", 0, sessionBytes);
  const session_id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return { session_id, count: body.readUInt32BE(sessionBytes), body, signature };
}

const signatureOf = (body: Buffer, key: string) =>
  createHmac("sha256", key).update(body).digest().subarray(0, signatureBytes);
