import type { Database } from "./database.ts";

export type RequestCount = {
  method: string;
  route: string;
  status: number;
  requests: number;
  seconds: number;
  buckets: number[];
};

export type RequestCounter = {
  count(method: string, route: string, status: number, seconds: number): void;
  /** Adds the counts of this isolate to those of all instances. */
  flush(): Promise<void>;
};

/** Upper bounds in seconds. A last bucket counts slower requests. */
export const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const;
const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
/** Unknown methods count as OTHER, so that callers cannot invent new rows. */
export const methodOf = (sent: string) => (methods.has(sent) ? sent : "OTHER");

/**
 * Counts requests in the memory of this isolate and adds them to the database some seconds later. An isolate knows only its own
 * requests, and may end before its counts are read.
 */
export function createRequestCounter(
  { database, background }: { database: Database; background: (work: Promise<unknown>) => void },
  flushAfterMs = 10_000,
): RequestCounter {
  let counts = new Map<string, RequestCount>();
  let isScheduled = false;

  function add(
    key: string,
    { method, route, status }: Omit<RequestCount, "requests" | "seconds" | "buckets">,
  ) {
    const fresh = {
      method,
      route,
      status,
      requests: 0,
      seconds: 0,
      buckets: new Array<number>(bounds.length + 1).fill(0),
    };
    counts.set(key, fresh);
    return fresh;
  }

  async function flush(): Promise<void> {
    const batch = counts;
    counts = new Map();
    isScheduled = false;
    if (batch.size === 0) return;
    try {
      await database.write<null>("record_requests", [[...batch.values()]]);
    } catch (error) {
      for (const [key, lost] of batch) {
        const kept = counts.get(key) ?? add(key, lost);
        kept.requests += lost.requests;
        kept.seconds += lost.seconds;
        kept.buckets.forEach((count, at) => {
          kept.buckets[at] = count + (lost.buckets[at] ?? 0);
        });
      }
      throw error;
    }
  }

  return {
    count(method, route, status, seconds) {
      const key = `${method} ${status} ${route}`;
      const count = counts.get(key) ?? add(key, { method, route, status });
      count.requests++;
      count.seconds += seconds;
      let at = 0;
      while (at < bounds.length && seconds > (bounds[at] ?? 0)) at++;
      count.buckets[at] = (count.buckets[at] ?? 0) + 1;
      if (isScheduled) return;
      isScheduled = true;
      background(new Promise<void>((resolve) => setTimeout(resolve, flushAfterMs)).then(flush));
    },
    flush,
  };
}
