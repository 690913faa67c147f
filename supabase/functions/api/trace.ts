import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { isUuid } from "./uuid.ts";

/** The services outside this process that take a request's time. */
export type Part = "db" | "auth" | "storage" | "provider";

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const zeros = /^0+$/;
const maxStateLength = 512;

type Parent = { trace_id: string; flags: string };

/** A request's id, its place in a W3C trace (https://www.w3.org/TR/trace-context/), and its time by service. */
export class Trace {
  readonly request_id: string;
  /** The caller's trace, if it is valid. */
  readonly parent: Parent | null;
  readonly spent_ms: Partial<Record<Part, number>> = {};
  /** Called after each call to a service, until the answer is made. */
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

  /** Adds the trace headers for a service that this request calls. */
  passOn(headers: Headers): void {
    const { trace_id, flags } = this.parent ?? { trace_id: traceIdOf(this.request_id), flags: "00" };
    this.#own ??= `00-${trace_id}-${hex(8)}-${flags}`;
    headers.set("traceparent", this.#own);
    if (this.#state !== null) headers.set("tracestate", this.#state);
  }
}

/** Null when the header is missing or invalid, as the specification requires. */
export function parseTraceparent(header: string): Parent | null {
  if (header.length > maxStateLength) return null;
  const [, version, trace_id = "", parent_id = "", flags = "", more] = traceparent.exec(header) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return null;
  return zeros.test(trace_id) || zeros.test(parent_id) ? null : { trace_id, flags };
}

/** The API's request ids are also trace ids, so that one id finds both. */
function traceIdOf(requestId: string): string {
  return isUuid(requestId) ? requestId.replaceAll("-", "").toLowerCase() : hex(16);
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

const current = new AsyncLocalStorage<Trace>();

export const currentTrace = (): Trace | undefined => current.getStore();

/** Counts all calls of the work for this request, also those after the answer. */
export const inTrace = <T>(trace: Trace, work: () => T): T => current.run(trace, work);

/** A fetch whose time counts as `part`. It sends trace headers to services of the project, but not to the provider. */
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
