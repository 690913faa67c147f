/** The state of a limit after an answer, from its X-RateLimit headers. */
export type RateLimit = { limit: number; remaining: number; resets_at: string };

/** An answer's data with its request id and its rate limit. */
export type WithResponse<T> = {
  data: T;
  /** Quote it when you ask for help: the server's log knows it. */
  requestId: string | null;
  /** Null when the API counts nothing. */
  rateLimit: RateLimit | null;
  headers: Headers;
};

/** The data of an answer. `withResponse()` also gives the request id and the rate limit. */
export type ApiPromise<T> = Promise<T> & { withResponse(): Promise<WithResponse<T>> };

/** An answer as Http has received it. */
export type Received<T> = { data: T; headers: Headers };

export function toApiPromise<T>(received: Promise<Received<T>>): ApiPromise<T> {
  const data = received.then((answer) => answer.data);
  const withResponse = async () => {
    // This promise reports the failure instead.
    data.catch(() => {});
    const answer = await received;
    const { headers } = answer;
    return { ...answer, requestId: headers.get("x-request-id"), rateLimit: rateLimitOf(headers) };
  };
  return Object.assign(data, { withResponse });
}

function rateLimitOf(headers: Headers): RateLimit | null {
  const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) =>
    Number(headers.get(`x-ratelimit-${name}`) ?? Number.NaN),
  ) as [number, number, number];
  if (!Number.isFinite(limit + remaining + reset)) return null;
  return { limit, remaining, resets_at: new Date(reset * 1000).toISOString() };
}
