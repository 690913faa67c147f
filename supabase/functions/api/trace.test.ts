import { expect, test } from "vitest";
import { currentTrace, inTrace, type Part, parseTraceparent, Trace, tracedFetch } from "./trace.ts";

const trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const valid = `00-${trace_id}-00f067aa0ba902b7-01`;

test.each([
  [valid, trace_id],
  [`cc-${trace_id}-00f067aa0ba902b7-01-what-the-future-will-be-like`, trace_id],
  [`ff-${trace_id}-00f067aa0ba902b7-01`, undefined],
  [`00-${trace_id}-00f067aa0ba902b7-01-more`, undefined],
  [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, undefined],
  [`00-${trace_id}-${"0".repeat(16)}-01`, undefined],
  [valid.toUpperCase(), undefined],
  [`${valid}\n`, undefined],
  ["", undefined],
])("the trace id of the traceparent %j is %s", (header, expected) => {
  expect(parseTraceparent(header)?.trace_id).toBe(expected);
});

async function sentBy(trace: Trace, part: Part = "auth"): Promise<Headers> {
  let sent = new Headers();
  const fetcher = tracedFetch(part, async (_input, init) => {
    sent = new Headers(init?.headers);
    return new Response();
  });
  await inTrace(trace, () => fetcher("http://auth.test", { headers: { apikey: "a" } }));
  return sent;
}

test("a call continues the caller's trace with a new span and the caller's tracestate", async () => {
  const sent = await sentBy(new Trace("any-request-id", valid, "vendor=1"));
  expect(sent.get("traceparent")).toMatch(new RegExp(`^00-${trace_id}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  expect(sent.get("tracestate")).toBe("vendor=1");
  expect(sent.get("apikey")).toBe("a");
});

test("without a valid traceparent, the request id is the trace id, and tracestate is dropped", async () => {
  const sent = await sentBy(new Trace("5f0c6a3e-9d0e-4a51-8f3e-0c2b4f5d6e7f", "nonsense", "vendor=1"));
  expect(sent.get("traceparent")).toMatch(/^00-5f0c6a3e9d0e4a518f3e0c2b4f5d6e7f-[0-9a-f]{16}-00$/);
  expect(sent.has("tracestate")).toBe(false);
});

test("a call to the provider gets no trace headers", async () => {
  const sent = await sentBy(new Trace("5f0c6a3e-9d0e-4a51-8f3e-0c2b4f5d6e7f", valid, "vendor=1"), "provider");
  expect([...sent]).toEqual([["apikey", "a"]]);
});

test("the time of a call counts for its own request, even if the call fails or other requests run", async () => {
  const traces = [new Trace("a", null, null), new Trace("b", null, null)];
  const slow = tracedFetch("storage", async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw new TypeError("gone");
  });
  const quick = tracedFetch("auth", async () => new Response());
  await Promise.all([
    inTrace(traces[0] as Trace, () => slow("http://storage.test").catch(() => {})),
    inTrace(traces[1] as Trace, () => quick("http://auth.test")),
  ]);
  expect(Object.keys(traces[0]?.spent_ms ?? {})).toEqual(["storage"]);
  expect(traces[0]?.spent_ms.storage).toBeGreaterThan(15);
  expect(Object.keys(traces[1]?.spent_ms ?? {})).toEqual(["auth"]);
  expect(currentTrace()).toBeUndefined();
});
