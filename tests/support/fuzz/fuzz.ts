import fc from "fast-check";
import { violations } from "../contract/check.ts";
import { type Operation, operations } from "../contract/document.ts";
import { Callers, type Target } from "./callers.ts";
import { type Input, inputOf } from "./inputs.ts";

export type FuzzOptions = {
  target: Target;
  seed: number;
  /** The number of requests to each operation. */
  runs: number;
  /** The approximate time of the whole run. Later operations get fewer requests. */
  within_ms: number;
  only?: (operation: Operation) => boolean;
};
export type FuzzReport = {
  requests: number;
  statuses: Record<string, number>;
  /** Operations without any 2xx or 3xx, whose handlers were not reached. */
  unreached: string[];
  failures: string[];
  /** The slowest answer and its operation. */
  slowest: { ms: number; operation: string };
};

const deadline_ms = 15_000;
const at_once = 4;
/** The least number of requests to each operation. */
const atLeast = 4;
const mayEndItself =
  /^(auth\.(logout|deleteMe)|sessions\.revoke|projects\.(delete|update|replace)|users\.(delete|update))$/;
/** Operations that hash a password or send a mail get fewer requests. */
const costly = /^auth\.(register|login|changePassword|deleteMe|requestPasswordReset|requestVerification)$/;

/** Sends valid and invalid random requests to every operation as every kind of caller, and checks each answer against the document. */
export async function fuzz({
  target,
  seed,
  runs,
  within_ms,
  only = () => true,
}: FuzzOptions): Promise<FuzzReport> {
  const report: FuzzReport = {
    requests: 0,
    statuses: {},
    unreached: [],
    failures: [],
    slowest: { ms: 0, operation: "" },
  };
  const waiting = operations.filter(only);
  const workers = Math.min(at_once, waiting.length);
  const crew = await Promise.all(Array.from({ length: workers }, () => Callers.make(target)));
  const end = Date.now() + within_ms;
  const work = async (callers: Callers) => {
    for (let operation = waiting.shift(); operation !== undefined; operation = waiting.shift()) {
      const time = Math.max(50, ((end - Date.now()) / (waiting.length + 1)) * workers);
      await fuzzOperation(
        callers,
        operation,
        { seed, time, runs: costly.test(operation.id) ? runs / 5 : runs },
        report,
      );
    }
  };
  await Promise.all(crew.map(work));
  return report;
}

async function fuzzOperation(
  callers: Callers,
  operation: Operation,
  { seed, time, runs }: { seed: number; time: number; runs: number },
  report: FuzzReport,
): Promise<void> {
  let isReached = false;
  await callers.ensure();
  const end = Date.now() + time;
  let sent = 0;
  const property = fc.asyncProperty(inputOf(operation, callers.ids), async (input) => {
    if (sent++ >= atLeast && Date.now() > end) return;
    const start = performance.now();
    const status = await send(callers, operation, input);
    const ms = Math.round(performance.now() - start);
    if (ms > report.slowest.ms) report.slowest = { ms, operation: operation.id };
    report.requests++;
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    isReached ||= status < 400;
  });
  const details = await fc.check(property, { seed, numRuns: Math.ceil(runs) });
  if (!isReached) report.unreached.push(operation.id);
  if (!details.failed) return;
  const { errorInstance, counterexample } = details as {
    errorInstance?: Error;
    counterexample: [Input] | null;
  };
  report.failures.push(
    `${errorInstance?.message}\n  ${describe(operation, counterexample?.[0])}\n  seed ${seed}`,
  );
}

async function send(callers: Callers, operation: Operation, input: Input): Promise<number> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeSafely(input.path[name] ?? "x"),
  );
  const query = input.query.map(([name, value]) => `${encodeSafely(name)}=${encodeSafely(value)}`).join("&");
  const { "X-Project-ID": project, ...more } = input.headers;
  const headers = new Headers({ ...more, ...callers.headersOf(input.caller) });
  if (project !== undefined && input.caller === "nobody") headers.set("X-Project-ID", project);
  const url = `${callers.target.base}${path}${query && `?${query}`}`;
  const received = await receive(url, operation.method, headers, input.body);
  if (received.status < 300 && mayEndItself.test(operation.id)) await callers.ensure();
  const wrong = violations(operation, received);
  // Health may report 503 when Storage is slow for a moment.
  const mayFail = operation.id.startsWith("health.") && received.status === 503;
  // 501 is the documented answer of payments, which are not offered.
  if (received.status >= 500 && received.status !== 501 && !mayFail)
    wrong.push(`${operation.id} answered ${received.status}: ${received.body.slice(0, 300)}`);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  return received.status;
}

async function receive(url: string, method: string, headers: Headers, sent: Input["body"]) {
  const { body, type } = bodyOf(sent);
  if (type !== undefined) headers.set("Content-Type", type);
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(deadline_ms),
    ...(body === undefined ? {} : { body, duplex: "half" }),
  } as RequestInit);
  return { status: response.status, headers: response.headers, body: await response.text() };
}

function bodyOf(body: Input["body"]): { body?: BodyInit; type?: string } {
  if (body === undefined) return {};
  if ("text" in body) {
    const { text, type, pieces } = body;
    return { body: pieces === undefined ? text : inPieces(text, pieces), type };
  }
  const form = new FormData();
  for (const [name, value] of body.fields) {
    if (typeof value === "string") form.append(name, value);
    else form.append(name, new Blob([value.bytes as BlobPart], { type: value.type }), value.name);
  }
  return { body: form };
}

/** Sends the text in chunks with pauses, as a slow client does. */
function inPieces(text: string, pieces: number): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(text);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
  });
}

/** Lone surrogates cannot be encoded. A careless client sends these bytes for them. */
const encodeSafely = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replaceAll("%EF%BF%BD", "%ED%A0%80");

const describe = ({ method, path }: Operation, input: Input | undefined) =>
  `${method} ${path} ${JSON.stringify(input, (_, value) => (value instanceof Uint8Array ? `${value.length} bytes` : value))?.slice(0, 1_500)}`;
