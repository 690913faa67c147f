import autocannon from "autocannon";
import type { Scenario } from "./scenario.ts";

export interface Round {
  requests_per_second: number;
  latencies_ms: number[];
  /** Answers that are not 2xx, and requests without an answer. */
  failed: number;
}

/** One round of one scenario: as many requests as `connections` can have under way for `seconds`. */
export async function measure(
  base: string,
  { path, method = "GET", headers = {}, body }: Scenario,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Round> {
  const latencies_ms: number[] = [];
  const options: autocannon.Options = {
    url: `${base}${path}`,
    method,
    headers,
    connections,
    duration: seconds,
    ...(body === undefined ? {} : { body }),
  };
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(options, (error, finished) => (error ? reject(error) : resolve(finished)));
    run.on("response", (_client, _status, _bytes, ms) => latencies_ms.push(ms));
  });
  return {
    requests_per_second: latencies_ms.length / result.duration,
    latencies_ms,
    failed: result.non2xx + result.errors + result.timeouts,
  };
}

/** Of sorted or unsorted numbers, the one below which `share` of them lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
