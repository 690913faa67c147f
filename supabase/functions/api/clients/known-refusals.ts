import { BoundedMap } from "../bounded-map.ts";
import { ApiError, type ErrorCode } from "../errors.ts";
import type { Sent } from "./hot-reads.ts";

const knownMs = 10_000;
const maxKnown = 1_000;

/**
 * Refusals that Postgres calls final: the key was revoked, or nobody has ever issued it. An app that keeps sending such a
 * key is refused from memory for a while. This memory never allows a request.
 */
export function createKnownRefusals(now = () => performance.now()) {
  const known = new BoundedMap<string, { code: ErrorCode; until: number }>(maxKnown);

  return {
    /** @throws ApiError the refusal that exactly these credentials had */
    check(sent: Sent): void {
      const refusal = known.get(identityOf(sent));
      if (refusal !== undefined && refusal.until > now()) throw new ApiError(refusal.code);
    },

    /** @throws what the work throws */
    async remember<T>(sent: Sent, work: () => Promise<T>): Promise<T> {
      try {
        return await work();
      } catch (error) {
        if (error instanceof ApiError && error.isFinal)
          known.set(identityOf(sent), { code: error.code, until: now() + knownMs });
        throw error;
      }
    },
  };
}

/** All credentials that are checked before the keys. */
const identityOf = (sent: Sent) =>
  [
    sent.user_id,
    sent.session_id,
    sent.project_id,
    sent.operator_key_hash,
    sent.developer_key_hash,
    sent.api_key_hash,
    sent.origin,
  ].join("/");
