import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";

const timeoutMs = 2_000;
/** Keys are believed this long; Supabase keeps a revoked key published for longer. */
const freshMs = 10 * 60_000;
/** A key that is not there is asked for again after this; nobody can make us fetch more often. */
const pauseMs = 10_000;
/** An endpoint that failed is left alone this long. */
const troublePauseMs = 1_000;

/**
 * Public keys by their address, kept in memory. A rotation's new key is fetched when the first token names it.
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
    // While Auth is away, the keys that are known still serve.
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
