import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { followLog } from "./follow-log.ts";
import { readable } from "./log-line.ts";

const folder = mkdtempSync(join(tmpdir(), "cloud-api-log-"));
const log = join(folder, "function.log");
let follower: ReturnType<typeof followLog> | undefined;
afterEach(() => {
  follower?.stop();
  rmSync(log, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const request = {
  time: "2026-01-01T12:00:00.000Z",
  level: "info",
  message: "request",
  request_id: "r-1",
  method: "GET",
  route: "/api/v1/auth/me",
  status: 200,
  duration_ms: 3.1,
  db_ms: 2.3,
};

test.each([
  [request, /^\d\d:\d\d:\d\d GET \/api\/v1\/auth\/me 200 3\.1 ms \(db 2\.3\)$/],
  [
    { ...request, status: 503, error: "database_unavailable", cause: "Error: gone" },
    /503 3\.1 ms \(db 2\.3\) database_unavailable ← Error: gone r-1$/,
  ],
  [
    { time: request.time, level: "warn", message: "a mail could not be sent", mail_id: "m" },
    /warn: a mail could not be sent mail_id=m$/,
  ],
])("a log event is printed as a readable line (%#)", (event, expected) => {
  expect(readable(JSON.stringify(event), false)).toMatch(expected);
});

test("a line that is not a log event is printed unchanged", () => {
  expect(readable("error: Uncaught TypeError", false)).toBe("error: Uncaught TypeError");
  expect(readable("null", false)).toBe("null");
});

test.each([
  { ...request, status: 500, cause: "Error: \u001b[2J\r\n\u009bgone" },
  { time: request.time, level: "warn", message: "odd", reason: "\u001b]0;title\u0007" },
])("control characters in a log event are escaped (%#)", (event) => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for control characters.
  expect(readable(JSON.stringify(event), false)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  expect(readable("\u001b[31mno JSON", false)).toBe("\\x1b[31mno JSON");
});

test("a log follower skips older lines, and joins a line that arrives in two parts", () => {
  writeFileSync(log, "old\n");
  const lines: string[] = [];
  follower = followLog(log, (line) => lines.push(line));
  appendFileSync(log, "first\nsec");
  follower.look();
  expect(lines).toEqual(["first"]);
  appendFileSync(log, "ond\n");
  follower.look();
  expect(lines).toEqual(["first", "second"]);
});

test("a log follower empties a log that is too large, and follows a log that was truncated", () => {
  const lines: string[] = [];
  follower = followLog(log, (line) => lines.push(line), 20);
  writeFileSync(log, "0123456789\n0123456789\n");
  follower.look();
  expect(statSync(log).size).toBe(0);
  appendFileSync(log, "next\n");
  follower.look();
  truncateSync(log);
  appendFileSync(log, "x\n");
  follower.look();
  expect(lines).toEqual(["0123456789", "0123456789", "next", "x"]);
});
