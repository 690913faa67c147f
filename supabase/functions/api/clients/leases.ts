import { ApiError } from "../errors.ts";
import type { RateLimit } from "../rate-limit.ts";

/** The state of a limit after `taken` requests were counted at once. */
export type Take = RateLimit & { taken: number };

/** The outcome of a request. Without a result the limit does not count it. */
type Done<T> = {
  result: T | undefined;
  /** The count that the request caused; null without a limit. */
  take?: Take | null | undefined;
  /** The current limit, for a request that was counted before. */
  limit?: number | null | undefined;
};
type Lent<T> = { result: T | undefined; rate_limit?: RateLimit | null };

type Lease = {
  /** Requests that are counted but not used yet. */
  left: number;
  /** The number that the last count asked for. */
  size: number;
  /** The state of the limit after the last count. */
  rate: RateLimit | undefined;
  isFull: boolean;
  /** The lease ends a second before its window. The second time is the end of the window. */
  usableUntil: number;
  windowEnd: number;
  /** The request that counts several at present. */
  asking: Promise<unknown> | undefined;
};

const maxAsked = 64;
const maxLeases = 5_000;

/**
 * Requests that this instance counts in advance, by bucket. A busy caller's lease grows each time. The counter gives at most a
 * 32nd of what is left, so small limits are counted one by one. A caller over the limit is refused from memory until the window
 * ends. Requests that an instance has not used by then are lost.
 */
export function createLeases(now = () => performance.now()) {
  const leases = new Map<string, Lease>();

  function leaseOf(bucket: string): Lease {
    const known = leases.get(bucket);
    if (known !== undefined && known.usableUntil > now()) return known;
    leases.delete(bucket);
    const oldest = leases.size >= maxLeases ? leases.keys().next().value : undefined;
    if (oldest !== undefined) leases.delete(oldest);
    const forever = Number.POSITIVE_INFINITY;
    const lease: Lease = {
      left: 0,
      size: 1,
      rate: undefined,
      isFull: false,
      usableUntil: forever,
      windowEnd: forever,
      asking: undefined,
    };
    leases.set(bucket, lease);
    return lease;
  }

  /** The state of the limit after one more request of a lease. */
  function stateOf({ rate, left, windowEnd }: Lease): RateLimit | null {
    if (rate === undefined) return null;
    const resets_in = Math.max(1, Math.ceil((windowEnd - now()) / 1000));
    return { ...rate, remaining: rate.remaining + left, resets_in };
  }

  function remember(lease: Lease, rate: RateLimit, start: number): void {
    lease.rate = rate;
    lease.windowEnd = start + rate.resets_in * 1000;
    lease.usableUntil = lease.windowEnd - 1000;
  }

  async function useOneThatIsLeft<T>(
    bucket: string,
    lease: Lease,
    work: () => Promise<Done<T>>,
  ): Promise<Lent<T>> {
    lease.left--;
    const rate_limit = stateOf(lease);
    let isUsed = false;
    try {
      const { result, limit } = await work();
      isUsed = result !== undefined;
      // A changed plan applies from the next request on.
      if (isUsed && (limit ?? undefined) !== lease.rate?.limit && leases.get(bucket) === lease)
        leases.delete(bucket);
      return isUsed ? { result, rate_limit } : { result };
    } finally {
      if (!isUsed) lease.left++;
    }
  }

  async function countSome<T>(
    lease: Lease,
    asked: number,
    work: (asked: number) => Promise<Done<T>>,
  ): Promise<Lent<T>> {
    const start = now();
    const { result, take } = await work(asked);
    if (result === undefined) return { result };
    if (take === null || take === undefined) {
      // Without a limit nothing is counted, until a request finds that there is one.
      if (lease.rate === undefined) lease.left = Number.POSITIVE_INFINITY;
      return { result, rate_limit: null };
    }
    const { taken, ...rate } = take;
    lease.left = (Number.isFinite(lease.left) ? lease.left : 0) + taken - 1;
    if (asked > 1) remember(lease, rate, start);
    return { result, rate_limit: { ...rate, remaining: rate.remaining + taken - 1 } };
  }

  /**
   * Does the work and passes it the number of requests to count, which is 0 while the lease has some left.
   * @throws ApiError rate_limited, and what the work throws
   */
  return async function lend<T>(bucket: string, work: (asked: number) => Promise<Done<T>>): Promise<Lent<T>> {
    for (;;) {
      const lease = leaseOf(bucket);
      if (lease.left > 0) return useOneThatIsLeft(bucket, lease, () => work(0));
      if (lease.isFull) throw refusal(stateOf(lease));
      const start = now();
      const isFirst = lease.asking === undefined;
      if (isFirst) lease.size = Math.min(maxAsked, lease.size * 2);
      const attempt = countSome(lease, isFirst ? lease.size : 1, work);
      if (isFirst) {
        const settled = () => {
          lease.asking = undefined;
        };
        lease.asking = attempt.then(settled, settled);
      }
      try {
        return await attempt;
      } catch (error) {
        if (!(error instanceof ApiError) || error.rateLimit === undefined) throw error;
        // Other instances may hold some of the last requests without using them.
        await lease.asking;
        if (lease.left > 0) continue;
        remember(lease, { ...error.rateLimit, remaining: 0 }, start);
        lease.isFull = true;
        throw error;
      }
    }
  };
}

const refusal = (rate: RateLimit | null) =>
  new ApiError("rate_limited", rate === null ? {} : { rateLimit: rate });
