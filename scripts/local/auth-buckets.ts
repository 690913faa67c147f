/** As Supabase Auth counts: thirty at once from one address, and then as many as the configuration allows in five minutes. */
const burst = 30;
const periodSeconds = 300;
/** The number of remembered addresses. */
const mostBuckets = 10_000;

type Bucket = { level: number; at: number };

/** One kind of call, counted by address. */
export class AuthBuckets {
  readonly #per_second: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perPeriod: number) {
    this.#per_second = perPeriod / periodSeconds;
  }

  /** Counts a call; false when the bucket of the address is full. */
  take(address: string, now = Date.now()): boolean {
    const known = this.#buckets.get(address) ?? { level: 0, at: now };
    const level = Math.max(0, known.level - ((now - known.at) / 1_000) * this.#per_second);
    const fits = level + 1 <= burst;
    const oldest = this.#buckets.size >= mostBuckets ? this.#buckets.keys().next().value : undefined;
    if (oldest !== undefined) this.#buckets.delete(oldest);
    this.#buckets.delete(address);
    this.#buckets.set(address, { level: fits ? level + 1 : level, at: now });
    return fits;
  }
}
