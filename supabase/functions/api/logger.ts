import type { Log, LogLevel } from "./context.ts";
import { describe } from "./redact.ts";
import { currentTrace } from "./trace.ts";

export type Logger = {
  log: Log;
  /** A request's line, which may come some milliseconds late. */
  logRequest: (level: LogLevel, fields: Record<string, unknown>) => void;
};

const flushAfterMs = 20;
/** Hosted Supabase cuts an event at 10,000 characters, and drops what is above 100 events in ten seconds. */
const maxEventLength = 9_000;

/**
 * Writes a line of JSON for each event. Lines of requests are written together when they come fast: one by one they would cost
 * as much as a tenth of a request.
 */
export function createLogger(
  write: (level: LogLevel, text: string) => void,
  background: (work: Promise<unknown>) => void,
): Logger {
  let waiting = "";

  function flush(): void {
    if (waiting === "") return;
    const text = waiting;
    waiting = "";
    write("info", text);
  }

  function schedule(): void {
    background(new Promise<void>((resolve) => setTimeout(resolve, flushAfterMs)).then(flush));
  }

  return {
    log(level, message, fields = {}) {
      const { cause, request_id = currentTrace()?.request_id, ...rest } = fields;
      flush();
      write(
        level,
        lineOf(level, message, {
          request_id,
          ...rest,
          ...(cause === undefined ? {} : { cause: describe(cause) }),
        }),
      );
    },
    logRequest(level, fields) {
      const line = lineOf(level, "request", fields);
      if (level === "error") {
        flush();
        write(level, line);
        return;
      }
      if (waiting.length + line.length > maxEventLength) flush();
      if (waiting === "") schedule();
      waiting = waiting === "" ? line : `${waiting}\n${line}`;
    },
  };
}

function lineOf(level: LogLevel, message: string, fields: Record<string, unknown>): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
}
