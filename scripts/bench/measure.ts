import autocannon from "autocannon";
import type { Scenario } from "./scenario.ts";

export type Round = {
  requests: number;
  requests_per_second: number;
  latencies_ms: number[];
  /** Answers with an unexpected status, and requests without an answer. */
  failed: number;
};

/** One round of one scenario: as many requests as `connections` can have under way for `seconds`. */
export async function measure(
  base: string,
  { requests, method = "GET", status = 200, connections: most }: Scenario,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Round> {
  const latencies_ms: number[] = [];
  let wrong = 0;
  let clients = 0;
  const at_once = Math.min(connections, most ?? connections);
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      {
        url: base,
        connections: at_once,
        duration: seconds,
        // autocannon looks at the clock this often; its default is once a second.
        sampleInt: Math.min(500, seconds * 500),
        // Each connection begins with the first request, so they are rotated to differ at any moment.
        setupClient: (client) => {
          const from = clients++;
          client.setRequests(
            requests.map((_, index) => {
              const {
                path,
                headers = {},
                body,
              } = requests[(from + index) % requests.length] as Scenario["requests"][number];
              return { method, path, headers, ...(body === undefined ? {} : { body }) };
            }),
          );
        },
      },
      (error, finished) => (error ? reject(error) : resolve(finished)),
    );
    run.on("response", (_client, code, _bytes, ms) => {
      latencies_ms.push(ms);
      if (code !== status) wrong++;
    });
  });
  return {
    requests: latencies_ms.length,
    requests_per_second: latencies_ms.length / result.duration,
    latencies_ms,
    failed: wrong + result.errors + result.timeouts,
  };
}

/** The quantile: the number below which `share` of them lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
