import { describe, redact } from "./redact.ts";
import { currentTrace } from "./trace.ts";

export type Logger = {
  log: Log;
  /** Writes a line of JSON about a request, perhaps some milliseconds later. */
  writeRequest: (level: LogLevel, line: string) => void;
};

const flushAfterMs = 20;
/** Hosted Supabase cuts an event at 10,000 characters, and drops events above 100 in ten seconds. */
const maxEventLength = 9_000;

/** Writes a line of JSON for each event. Lines of many requests are written together, since each write costs more than its line. */
export function createLogger(
  writeOut: (level: LogLevel, text: string) => void,
  background: (work: Promise<unknown>) => void,
): Logger {
  let waiting = "";

  /** A log that cannot be written, for example on a full disk, causes no error. */
  function write(level: LogLevel, text: string): void {
    try {
      writeOut(level, text);
    } catch {}
  }

  function flush(): void {
    if (waiting === "") return;
    const text = waiting;
    waiting = "";
    write("info", text);
  }

  return {
    log(level, message, fields = {}) {
      const { cause, request_id = currentTrace()?.request_id, ...rest } = fields;
      const told: Record<string, unknown> = cause === undefined ? {} : { cause: describe(cause) };
      // The message of a service can contain an address from our request.
      for (const name in rest) told[name] = typeof rest[name] === "string" ? redact(rest[name]) : rest[name];
      flush();
      write(level, JSON.stringify({ time: new Date().toISOString(), level, message, request_id, ...told }));
    },
    writeRequest(level, line) {
      if (level === "error" || waiting.length + line.length > maxEventLength) flush();
      if (level === "error") {
        write(level, line);
        return;
      }
      if (waiting !== "") {
        waiting += `\n${line}`;
        return;
      }
      waiting = line;
      background(new Promise<void>((resolve) => setTimeout(resolve, flushAfterMs)).then(flush));
    },
  };
}

export type LogLevel = "info" | "warn" | "error";

export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
