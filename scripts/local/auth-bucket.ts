import { BoundedMap } from "../../supabase/functions/api/bounded-map.ts";

/** As at Supabase Auth: one address has a burst of thirty calls, which refills at the configured number per five minutes. */
const burst = 30;
const periodSeconds = 300;
/** The number of remembered addresses. */
const mostBuckets = 10_000;

/** Counts one kind of call by address. False if the bucket of the address is full. */
export function authBucket(perPeriod: number): (address: string, now?: number) => boolean {
  const buckets = new BoundedMap<string, { level: number; at: number }>(mostBuckets);
  return (address, now = Date.now()) => {
    const known = buckets.get(address) ?? { level: 0, at: now };
    const level = Math.max(0, known.level - ((now - known.at) / 1_000) * (perPeriod / periodSeconds));
    const fits = level + 1 <= burst;
    buckets.set(address, { level: fits ? level + 1 : level, at: now });
    return fits;
  };
}
