import { expect, test } from "vitest";
import { requestLine } from "./request-line.ts";
import { Trace } from "./trace.ts";

const id = "5f0c6a3e-9d0e-4a51-8f3e-0c2b4f5d6e7f";
const facts = {
  level: "info",
  method: "GET",
  route: "/api/v1/auth/me",
  status: 200,
  duration_ms: 3.1499,
} as const;

test("the log line of a request is JSON with its times, its caller's ids and the beginning of a key's hash", () => {
  const trace = new Trace("request-1", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, null);
  trace.spend("db", 1.25);
  trace.spend("db", 1);
  trace.spend("storage", 0.04);
  const line = requestLine(
    facts,
    trace,
    { user_id: id, api_key_hash: "0123456789abcdef".repeat(4) },
    id,
    undefined,
  );
  expect(JSON.parse(line)).toEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    level: "info",
    message: "request",
    request_id: "request-1",
    trace_id: "a".repeat(32),
    method: "GET",
    route: "/api/v1/auth/me",
    status: 200,
    duration_ms: 3.1,
    db_ms: 2.3,
    storage_ms: 0,
    project_id: id,
    user_id: id,
    api_key: "0123456789ab",
  });
});

test("the log line of a failure is valid JSON with its code and its redacted cause", () => {
  const cause = new Error('"quoted" \\ \n ada@example.com \u0000');
  const line = requestLine(
    { ...facts, level: "error", status: 500 },
    new Trace("r", null, null),
    {},
    undefined,
    { code: "internal_error", cause },
  );
  expect(line).not.toContain("\n");
  expect(JSON.parse(line)).toMatchObject({
    error: "internal_error",
    cause: 'Error: "quoted" \\ \n <address> \u0000',
  });
});

test("the log line contains no project id that is not a UUID", () => {
  const line = requestLine(facts, new Trace("r", null, null), {}, 'x","level":"error', undefined);
  expect(JSON.parse(line)).not.toHaveProperty("project_id");
});
