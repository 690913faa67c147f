import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { promtool, runPromtool } from "../support/promtool.ts";
import { until } from "../support/until.ts";

const { credentials, logs = "" } = inject("stack");
const asOperator = { "X-Operator-Key": credentials.operator_key ?? "" };
const trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
const traceparent = `00-${trace_id}-00f067aa0ba902b7-01`;

let developer: Developer;
let user: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
});

/** The line of a request in the log of the function. */
function lineOf(requestId: string): Promise<Record<string, unknown>> {
  return until("the log has the line", async () => {
    const line = readFileSync(join(logs, "function-api.log"), "utf8")
      .split("\n")
      .find((each) => each.includes(requestId));
    return line === undefined ? undefined : (JSON.parse(line) as Record<string, unknown>);
  });
}

describe("the log", () => {
  test("the log of a request has the route, the caller, the time in the database and the trace id", async () => {
    const { headers } = await api("/auth/me", { headers: { ...user.headers, traceparent } });
    const line = await lineOf(headers.get("x-request-id") ?? "");
    expect(line).toMatchObject({
      level: "info",
      message: "request",
      trace_id,
      method: "GET",
      route: "/api/v1/auth/me",
      status: 200,
      db_ms: expect.any(Number),
      project_id: developer.project.id,
      user_id: user.id,
      api_key: expect.stringMatching(/^[0-9a-f]{12}$/),
      developer_key: expect.stringMatching(/^[0-9a-f]{12}$/),
    });
    expect(line.duration_ms as number).toBeGreaterThanOrEqual(line.db_ms as number);
  });

  test("the log has the code of a refusal, and neither unknown paths nor malformed traces", async () => {
    const refused = await api("/projects/2c7f6c7e-0000-4000-8000-000000000000", {
      headers: { ...developer.headers, traceparent: "00-nonsense" },
    });
    const line = await lineOf(refused.headers.get("x-request-id") ?? "");
    expect(line).toMatchObject({
      route: "/api/v1/projects/{project_id}",
      status: 404,
      error: "project_not_found",
      project_id: "2c7f6c7e-0000-4000-8000-000000000000",
    });
    expect(line).not.toHaveProperty("trace_id");
    const lost = await api("/my-secret-address?token=secret");
    expect(await lineOf(lost.headers.get("x-request-id") ?? "")).toMatchObject({
      route: "none",
      status: 404,
    });
  });
});

describe("Server-Timing", () => {
  const timing = async (headers: Record<string, string>, path = "/auth/me") =>
    (await api(path, { headers })).headers.get("server-timing");

  test("Server-Timing shows the time in the database to a known caller with an origin or a trace", async () => {
    const split = /^total;dur=\d+\.\d, db;dur=\d+\.\d$/;
    expect(await timing({ ...user.headers, traceparent })).toMatch(split);
    expect(await timing({ ...user.headers, Origin: "https://app.example.com" })).toMatch(split);
    expect(await timing(asOperator, "/projects")).toMatch(split);
  });

  test("Server-Timing shows an anonymous caller only the total", async () => {
    const login = await api("/auth/login", {
      headers: { traceparent },
      json: { email: developer.email, password: "Wrong-horse-9" },
    });
    expect(login.status).toBe(401);
    expect(login.headers.get("server-timing")).toMatch(/^total;dur=\d+\.\d$/);
  });

  test("Server-Timing is not sent to callers without an origin or a trace", async () => {
    expect(await timing(user.headers)).toBeNull();
  });
});

describe("metrics", () => {
  const scrape = async () => {
    const { status, headers, body } = await api<string>("/metrics", { headers: asOperator });
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    return body;
  };
  const value = (text: string, series: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length + 1) ?? 0,
    );

  test("metrics count every request by route and status, with its duration", async () => {
    const labels = 'method="PATCH",route="/api/v1/auth/sessions/{session_id}"';
    const refused = () => api("/auth/sessions/x", { method: "PATCH" });
    const series = `cloud_api_requests_total{${labels},status="405"}`;
    const before = value(await scrape(), series);
    const statuses = await Promise.all(Array.from({ length: 10 }, refused));
    expect(new Set(statuses.map(({ status }) => status))).toEqual(new Set([405]));
    const text = await scrape();
    expect(value(text, series) - before).toBe(10);
    const duration = "cloud_api_request_duration_seconds";
    expect(value(text, `${duration}_bucket{${labels},le="+Inf"}`)).toBe(
      value(text, `${duration}_count{${labels}}`),
    );
  });

  test("metrics follow the text format of Prometheus and describe each metric once", async () => {
    const lines = (await scrape()).trimEnd().split("\n");
    const sample = /^cloud_api_\w+(\{(\w+="([^"\\]|\\.)*",?)+\})? -?\d+(\.\d+)?(e[+-]?\d+)?$/;
    for (const line of lines)
      expect(line).toMatch(line.startsWith("#") ? /^# (HELP|TYPE) cloud_api_\w+ \S/ : sample);
    const types = lines.filter((line) => line.startsWith("# TYPE "));
    expect(new Set(types).size).toBe(types.length);
    expect(types.map((line) => line.split(" ")[2])).toEqual(
      expect.arrayContaining([
        "cloud_api_part_up",
        "cloud_api_generations_open",
        "cloud_api_mail_outbox",
        "cloud_api_database_connections",
        "cloud_api_pool_connections",
        "cloud_api_migrations_missing",
      ]),
    );
  });

  test.runIf(promtool !== null)("metrics pass the linter of Prometheus", async () => {
    expect(runPromtool(["check", "metrics"], await scrape())).toEqual({ content: true, says: "" });
  });

  test("only operators can read metrics", async () => {
    expect(errorOf(await api("/metrics"))).toMatchObject({ status: 401, code: "not_authenticated" });
    for (const headers of [developer.headers, { Authorization: `Bearer ${user.token}` }])
      expect(errorOf(await api("/metrics", { headers }))).toMatchObject({
        status: 403,
        code: "operators_only",
      });
  });
});
