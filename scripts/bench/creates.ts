import type { Row } from "./compare.ts";
import type { Request } from "./scenarios.ts";
import { isFlat, percentile } from "./statistics.ts";
import { usageOf } from "./usage.ts";

/** With a traceparent, an answer has the header Server-Timing. */
const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/** Sends creates, two at a time, and measures their time and the function's memory. */
export async function measureCreates(
  { base, scenario: { requests }, function_pid }: Row,
  count: number,
): Promise<{ sentence: string; is_right: boolean }> {
  const latencies_ms: number[] = [];
  const own_ms: number[] = [];
  const memory_mb: number[] = [];
  let failed = 0;
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const { path, headers, body = "" } = requests[next++ % requests.length] as Request;
      const start = performance.now();
      const response = await fetch(`${base}${path}`, {
        method: "POST",
        headers: { ...headers, traceparent },
        body: body as BodyInit,
      });
      await response.arrayBuffer();
      latencies_ms.push(performance.now() - start);
      own_ms.push(ownPartOf(response.headers.get("server-timing") ?? ""));
      if (!response.ok) failed++;
      // A dozen samples are enough to detect growth.
      if (latencies_ms.length % Math.ceil(count / 12) > 0) continue;
      const usage = usageOf(function_pid);
      if (usage !== undefined) memory_mb.push(usage.memory_mb);
    }
  };
  await Promise.all([lane(), lane()]);
  const [p50, p99] = [percentile(latencies_ms, 0.5), percentile(latencies_ms, 0.99)];
  const flat = isFlat(memory_mb);
  const sentence = [
    `${count} creates with a picture of 1 MB, two at once: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${failed} failed.`,
    `Without Storage, half took less than ${percentile(own_ms, 0.5).toFixed(1)} ms.`,
    `Memory of the function ${flat ? "is flat" : "grows"}: ${memory_mb.map((mb) => mb.toFixed(0)).join(", ")} MB.`,
  ].join(" ");
  return { sentence, is_right: failed === 0 && flat };
}

/** The time without Storage. */
function ownPartOf(timing: string): number {
  const partOf = (name: string) => Number(new RegExp(`${name};dur=([\\d.]+)`).exec(timing)?.[1] ?? 0);
  return partOf("total") - partOf("storage");
}
