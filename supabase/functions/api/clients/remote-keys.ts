import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";

const timeoutMs = 2_000;
/** Fetched keys are trusted for so long. Supabase publishes a revoked key for longer. */
const freshMs = 10 * 60_000;
/** The shortest time between two fetches for unknown keys, so that invented keys cannot cause more. */
const pauseMs = 10_000;
/** The time without a fetch after a failure. */
const troublePauseMs = 1_000;

/**
 * Public keys of this address, kept in memory. After a rotation the first token with the new key causes a fetch.
 * @throws errors.JWKSNoMatchingKey when Auth has no such key, anything else when the keys cannot be fetched
 */
export function createRemoteKeys(url: string, fetcher: typeof fetch): JWTVerifyGetKey {
  let keys: JWTVerifyGetKey | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let fetching: Promise<JWTVerifyGetKey> | undefined;

  async function load(): Promise<JWTVerifyGetKey> {
    try {
      const response = await fetcher(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new Error(`the keys of Auth: ${response.status}`);
      }
      keys = createLocalJWKSet(await response.json());
      fetchedAt = Date.now();
      return keys;
    } catch (cause) {
      failedAt = Date.now();
      failure = cause;
      throw cause;
    }
  }

  function fetchOnce(): Promise<JWTVerifyGetKey> {
    if (Date.now() - failedAt < troublePauseMs) return Promise.reject(failure);
    fetching ??= load().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  return async (header, token) => {
    const age = Date.now() - fetchedAt;
    // While Auth is down, the known keys are used.
    const current =
      keys === undefined
        ? await fetchOnce()
        : age > freshMs
          ? await fetchOnce().catch(() => keys as JWTVerifyGetKey)
          : keys;
    try {
      return await current(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || Date.now() - fetchedAt < pauseMs) throw error;
      return (await fetchOnce())(header, token);
    }
  };
}
