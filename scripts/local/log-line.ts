type Request = {
  time: string;
  method: string;
  route: string;
  status: number;
  duration_ms: number;
  request_id: string;
  error?: string;
  cause?: string;
};

const waitedParts = ["db", "auth", "storage", "provider"] as const;

/** Control sequences of a terminal. A log can contain a stranger's text, and a terminal shows it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it searches for control characters.
const controlCharacters = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
const harmless = (text: string) =>
  text.replace(
    controlCharacters,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );

/** The readable form of a line of a function's log: `12:30:01 GET /api/v1/auth/me 200 3.1 ms (db 2.3)`. */
export function readable(line: string, colour: boolean): string {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return harmless(line);
  }
  if (typeof event !== "object" || event === null || typeof event.message !== "string") return harmless(line);
  const time = paint(2, new Date(String(event.time)).toLocaleTimeString("en-GB"));
  if (event.message !== "request") {
    const { time: _, level, message, ...fields } = event;
    const rest = Object.entries(fields).map(([name, value]) => harmless(`${name}=${String(value)}`));
    return [time, paint(level === "error" ? 31 : 33, harmless(`${level}: ${message}`)), ...rest].join(" ");
  }
  const { method, route, status, duration_ms, request_id, error, cause } = event as unknown as Request;
  const parts = waitedParts.flatMap((part) => {
    const ms = event[`${part}_ms`];
    return typeof ms === "number" ? [`${part} ${ms}`] : [];
  });
  return [
    time,
    method,
    route,
    paint(status >= 500 ? 31 : status >= 400 ? 33 : 32, String(status)),
    `${duration_ms} ms`,
    ...(parts.length > 0 ? [paint(2, `(${parts.join(", ")})`)] : []),
    ...(error === undefined ? [] : [error]),
    ...(cause === undefined ? [] : [harmless(`← ${cause}`)]),
    // A developer searches for the request id when somebody reports a failure.
    ...(status >= 500 ? [paint(2, request_id)] : []),
  ].join(" ");
}
