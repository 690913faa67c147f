import { describe, redact } from "./redact.ts";
import { currentTrace } from "./trace.ts";

export type Logger = {
  log: Log;
  /** A finished line of JSON about a request. It may be written some milliseconds late. */
  writeRequest: (level: LogLevel, line: string) => void;
};

const flushAfterMs = 20;
/** Hosted Supabase cuts an event at 10,000 characters, and drops what is above 100 events in ten seconds. */
const maxEventLength = 9_000;

/** Writes a line of JSON for each event. Lines of requests that come fast are written together: one by one they cost more than to make. */
export function createLogger(
  writeOut: (level: LogLevel, text: string) => void,
  background: (work: Promise<unknown>) => void,
): Logger {
  let waiting = "";

  /** A log that cannot be written, as on a full disk, breaks no request and ends no process. */
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
      // What a service said can repeat an address that we gave it.
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
