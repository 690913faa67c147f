import { AsyncLocalStorage } from "node:async_hooks";
import { isUuid } from "./uuid.ts";

/** What a request spends its time on outside this process. */
export type Part = "db" | "auth" | "storage" | "provider";

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;
const maxStateLength = 512;

type Parent = { trace_id: string; flags: string };

/** One request: its id, its place in a W3C trace (https://www.w3.org/TR/trace-context/), and where its time went. */
export class Trace {
  readonly request_id: string;
  /** What the caller told, when it is valid. */
  readonly parent: Parent | null;
  readonly spent_ms: Partial<Record<Part, number>> = {};
  /** Told after each call, until the answer is made. */
  onSpent: (() => void) | undefined;
  readonly #state: string | null;
  #own: string | undefined;

  constructor(requestId: string, traceparent: string | null, tracestate: string | null) {
    this.request_id = requestId;
    this.parent = traceparent === null ? null : parseTraceparent(traceparent);
    this.#state = this.parent !== null && (tracestate?.length ?? 0) <= maxStateLength ? tracestate : null;
  }

  spend(part: Part, ms: number): void {
    this.spent_ms[part] = (this.spent_ms[part] ?? 0) + ms;
    this.onSpent?.();
  }

  /** Tells a service that this request calls where it belongs. */
  passOn(headers: Headers): void {
    const { trace_id, flags } = this.parent ?? { trace_id: traceIdOf(this.request_id), flags: "00" };
    this.#own ??= `00-${trace_id}-${hex(8)}-${flags}`;
    headers.set("traceparent", this.#own);
    if (this.#state !== null) headers.set("tracestate", this.#state);
  }
}

/** Null when it is missing or not valid, as the specification wants it. */
export function parseTraceparent(header: string): Parent | null {
  if (header.length > maxStateLength) return null;
  const [, version, trace_id = "", parent_id = "", flags = "", more] = traceparent.exec(header) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  return zeros.test(trace_id) || zeros.test(parent_id) ? null : { trace_id, flags };
}

/** Our own request ids are traces as well, so that one number finds both. */
function traceIdOf(requestId: string): string {
  return isUuid(requestId) ? requestId.replaceAll("-", "").toLowerCase() : hex(16);
}

function hex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

const current = new AsyncLocalStorage<Trace>();

export const currentTrace = (): Trace | undefined => current.getStore();

/** Whatever the work calls, also after the answer, counts as this request. */
export const inTrace = <T>(trace: Trace, work: () => T): T => current.run(trace, work);

/** A fetch whose time counts as `part`. The trace goes on inside the project: a provider is not told who asked whom. */
export function tracedFetch(part: Part, fetcher: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const trace = currentTrace();
    if (trace === undefined) return fetcher(input, init);
    const start = performance.now();
    try {
      return await fetcher(input, part === "provider" ? init : passedOn(trace, input, init));
    } finally {
      trace.spend(part, performance.now() - start);
    }
  };
}

function passedOn(trace: Trace, input: RequestInfo | URL, init: RequestInit = {}): RequestInit {
  const { headers: given } = init as { headers?: HeadersInit };
  const headers = new Headers(given ?? (input instanceof Request ? input.headers : undefined));
  trace.passOn(headers);
  return { ...init, headers };
}
