import { percentile } from "./measure.ts";
import type { Scenario } from "./scenario.ts";
import { usageOf } from "./usage.ts";

export type Creates = {
  count: number;
  p50_ms: number;
  p99_ms: number;
  /** The median of the function and Postgres alone, without Storage. */
  own_p50_ms: number;
  failed: number;
  /** Memory of the function every hundred creates. */
  memory_mb: number[];
  is_flat: boolean | undefined;
};

/** Creates generations in two lanes, and tells whether the function's memory grows. */
export async function measureCreates(
  base: string,
  { requests }: Scenario,
  count: number,
  functionPid: number | undefined,
  report: (done: number) => void,
): Promise<Creates> {
  const latencies_ms: number[] = [];
  const own_ms: number[] = [];
  const memory_mb: number[] = [];
  let failed = 0;
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const {
        path,
        headers = {},
        body = "",
      } = requests[next++ % requests.length] as Scenario["requests"][number];
      const start = performance.now();
      const response = await fetch(`${base}${path}`, {
        method: "POST",
        headers: { ...headers, traceparent },
        body: body as BodyInit,
      });
      await response.arrayBuffer();
      own_ms.push(ownPartOf(response.headers.get("server-timing") ?? ""));
      latencies_ms.push(performance.now() - start);
      if (response.status !== 200) failed++;
      if (latencies_ms.length % 100 > 0) continue;
      report(latencies_ms.length);
      const usage = usageOf(functionPid);
      if (usage !== undefined) memory_mb.push(usage.memory_bytes / 2 ** 20);
    }
  };
  await Promise.all([lane(), lane()]);
  return {
    count,
    p50_ms: percentile(latencies_ms, 0.5),
    p99_ms: percentile(latencies_ms, 0.99),
    own_p50_ms: percentile(own_ms, 0.5),
    failed,
    memory_mb,
    is_flat: isFlat(memory_mb),
  };
}

/** Whoever traces is told where the time went. */
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function ownPartOf(timing: string): number {
  const partOf = (name: string) => Number(new RegExp(`${name};dur=([\\d.]+)`).exec(timing)?.[1] ?? 0);
  return partOf("total") - partOf("storage");
}

/** Whether the last quarter equals the second one, within a fifth or 20 MB. The first quarter is a warm-up. */
function isFlat(samples: number[]): boolean | undefined {
  const quarter = Math.floor(samples.length / 4);
  if (quarter < 1) return undefined;
  const early = percentile(samples.slice(quarter, 2 * quarter), 0.5);
  const late = percentile(samples.slice(-quarter), 0.5);
  return late <= early + Math.max(20, early / 5);
}

/** The measurement as a sentence. */
export function describeCreates({
  count,
  p50_ms,
  p99_ms,
  own_p50_ms,
  failed,
  memory_mb,
  is_flat,
}: Creates): string {
  const time = `${count} creates with a picture of 1 MB, two at once: p50 ${p50_ms.toFixed(1)} ms, p99 ${p99_ms.toFixed(1)} ms; without Storage p50 ${own_p50_ms.toFixed(1)} ms${failed > 0 ? `, ${failed} failed` : ""}.`;
  if (is_flat === undefined) return time;
  const samples = memory_mb
    .filter((_, at) => at % Math.ceil(memory_mb.length / 8) === 0)
    .map((mb) => mb.toFixed(0));
  return `${time} Memory of the function ${is_flat ? "is flat" : "grows"}: ${samples.join(", ")} MB.`;
}
