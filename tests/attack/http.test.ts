import { describe, expect, inject, test } from "vitest";
import { api, registerDeveloper, registerEndUser } from "../support/api.ts";
import { entryPoints, errorCode, open, requestOf, sendRaw } from "../support/raw-http.ts";

const { keys, credentials } = inject("stack");
const login = "POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";
/** A request that an attacker smuggles behind another one on the connection. */
const hidden = "GET /api/v1/auth/me HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const ambiguous: [string, string][] = [
  [
    "a length beside chunks",
    `${login}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  ],
  ["two lengths", `${login}Content-Length: 2\r\nContent-Length: ${2 + hidden.length}\r\n\r\n{}${hidden}`],
  ["a list of lengths", `${login}Content-Length: 2, 9\r\n\r\n{}${hidden}`],
  ["a length with a sign", `${login}Content-Length: +2\r\n\r\n{}${hidden}`],
  ["a length below zero", `${login}Content-Length: -1\r\n\r\n{}${hidden}`],
  ["an unknown encoding", `${login}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`],
  ["an encoding around chunks", `${login}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`],
  [
    "a space before the colon",
    `${login}Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${hidden}`,
  ],
  ["a folded header", `${login}X-A: b\r\n Content-Length: 2\r\n\r\n{}${hidden}`],
  ["NUL in a header", `${login}X-A: b\0c\r\nContent-Length: 2\r\n\r\n{}${hidden}`],
];

describe.each(entryPoints)("at %s", (name, port) => {
  test.each(ambiguous)(
    `${name} refuses a request with %s and does not answer the smuggled one`,
    async (_name, bytes) => {
      const answers = await sendRaw(port, bytes);
      expect(answers.map(({ status }) => status)).toEqual([400]);
    },
  );

  test.each([
    ["a size below zero", "-2\r\n{}\r\n0\r\n\r\n"],
    ["a size that overflows", "fffffffffffffffff2\r\n{}\r\n0\r\n\r\n"],
    ["a line break in its extension", "2;a=b\nx\r\n{}\r\n0\r\n\r\n"],
  ])(`${name} ends the connection after a chunk with %s`, async (_name, chunks) => {
    const answers = await sendRaw(port, `${login}Transfer-Encoding: chunked\r\n\r\n${chunks}${hidden}`);
    expect(answers.filter(({ status }) => status !== 400)).toEqual([]);
  });

  test.each([
    ["one header of 64 kB", requestOf("/api/v1/auth/me", [`X-Long: ${"a".repeat(65_536)}`])],
    [
      "a thousand headers",
      requestOf(
        "/api/v1/auth/me",
        Array.from({ length: 1000 }, (_, at) => `X-${at}: a`),
      ),
    ],
    ["a credential of 30 kB", requestOf("/api/v1/auth/me", [`Authorization: Bearer ${"a".repeat(30_000)}`])],
    ["a path of 64 kB", requestOf(`/api/v1/projects?search=${"a".repeat(65_536)}`)],
  ])(`${name} refuses or cuts off %s, and serves the next request`, async (_name, bytes) => {
    for (const { status } of await sendRaw(port, bytes)) expect([400, 401, 414, 431]).toContain(status);
    const [next] = await sendRaw(port, requestOf("/health"));
    expect(next?.status).toBe(200);
  });

  test.each([
    "/api/v1/../v1/auth/me",
    "/api/v1/%2e%2e/%2e%2e/rest/v1/users",
    "/api/v1/projects/..%2f..%2fauth/me",
    "/api/v1/auth/me%00",
    "/api/v1/auth/me%2f",
    "/api/v1/auth/%6de",
    "/api/v1/auth/me;jsessionid=1",
    "/API/v1/auth/me",
    "/api%2fv1/auth/me",
    "/api/v1/projects/%zz",
    "/api/v1/projects/%c0%ae%c0%ae/users",
    "/functions/v1/api/../../auth/v1/admin/users",
    "/functions/v1/api/%2e%2e/%2e%2e/rest/v1/users",
    "//evil.test/api/v1/auth/me",
    "/\\evil.test/api/v1/auth/me",
    "/api/v1/auth/me\0",
    "/api/v1/\xff\xfe",
  ])(`${name} reveals nothing without credentials at the path %j`, async (target) => {
    const [answer] = await sendRaw(port, requestOf(target));
    expect([400, 401, 404, 422]).toContain(answer?.status);
  });

  test(`${name} refuses a credential that is sent twice`, async () => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    const sent = Object.entries(user.headers).map(([name, value]) => `${name}: ${value}`);
    expect((await sendRaw(port, requestOf("/api/v1/auth/me", sent)))[0]?.status).toBe(200);
    const codes = new Map([
      ["Authorization", "invalid_token"],
      ["X-Developer-Key", "developer_key_invalid"],
      ["X-API-Key", "api_key_invalid"],
      ["X-Project-ID", "invalid_project_id"],
    ]);
    for (const [name, code] of codes) {
      const twice = [...sent, `${name}: ${user.headers[name]}`];
      const [answer] = await sendRaw(port, requestOf("/api/v1/auth/me", twice));
      expect([name, answer && errorCode(answer)]).toEqual([name, code]);
    }
  });

  test(`${name} returns a line break of a path or query in no header`, async () => {
    const injected = "%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<script>";
    for (const target of [
      `/api/v1/projects?search=${injected}`,
      `/api/v1/${injected}`,
      `/api/v1/generation/${injected}/image`,
      `/api/v1/auth/verify-email?token=${injected}`,
    ]) {
      const answers = await sendRaw(
        port,
        requestOf(target, [`X-Request-Id: a${injected}`, `Origin: https://a${injected}`]),
      );
      expect(answers).toHaveLength(1);
      expect(answers[0]?.head.toLowerCase()).not.toContain("set-cookie");
      expect(answers[0]?.body).not.toContain("<script>\r\n");
    }
  });

  test.each([
    ["/auth/login", "lists", "[", "]", 8_000],
    ["/auth/login", "objects", '{"a":', "}", 2_500],
    [
      "/generation/webhooks/replicate?generation_id=00000000-0000-4000-8000-000000000000",
      "lists",
      "[",
      "]",
      400_000,
    ],
  ])(`${name} refuses JSON for %s with deeply nested %s`, async (path, _kind, start, end, depth) => {
    const body = start.repeat(depth) + (start.includes(":") ? "1" : "") + end.repeat(depth);
    const head = ["Content-Type: application/json", `Content-Length: ${body.length}`];
    const [answer] = await sendRaw(port, requestOf(`/api/v1${path}`, head, "POST", body));
    expect([400, 401, 422]).toContain(answer?.status);
  });

  test(`${name} refuses a body with a too large Content-Length before it arrives`, async () => {
    const { project } = await registerDeveloper();
    const user = await registerEndUser(project);
    for (const [path, type] of [
      ["/generation/generate-v2", "multipart/form-data; boundary=x"],
      ["/auth/login", "application/json"],
    ]) {
      const head = [
        ...Object.entries(user.headers).map((pair) => pair.join(": ")),
        `Content-Type: ${type}`,
        "Content-Length: 99999999999",
      ];
      const [answer] = await sendRaw(port, requestOf(`/api/v1${path}`, head, "POST"));
      expect([path, answer?.status]).toEqual([path, 413]);
    }
  });
});

test("the gateway refuses paths and hosts that lead from one part of the stack into another", async () => {
  const [[, gateway] = ["", 0]] = entryPoints;
  const key = `apikey: ${keys.publishable}`;
  for (const target of [
    "/rest/v1/../../",
    "/rest/v1/%2e%2e/%2e%2e/x",
    "/auth/v1/./admin/users",
    "/storage/v1/..\\..\\x",
  ]) {
    const [answer] = await sendRaw(gateway, requestOf(target, [key]));
    expect([target, answer?.status]).toEqual([target, 404]);
  }
  const hosts = ["evil.test/auth/v1/health?", "a/../b", "user@evil.test"];
  for (const host of hosts) {
    const [answer] = await sendRaw(
      gateway,
      `GET /rest/v1/users HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect([host, answer?.status]).toEqual([host, 421]);
  }
});

test("a request that is cut off has no effect and does not block others", async () => {
  const email = `cut-${crypto.randomUUID()}@example.com`;
  const body = JSON.stringify({ email, password: "Correct-horse-9" });
  const head = `POST /api/v1/auth/register HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Operator-Key: ${credentials.operator_key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  for (const [, port] of entryPoints) {
    const socket = await open(port);
    await new Promise((resolve) => socket.write(head + body.slice(0, -1), resolve));
    socket.destroy();
  }
  const answer = await api("/auth/register", {
    headers: { "X-Operator-Key": credentials.operator_key ?? "" },
    json: { email, password: "Correct-horse-9" },
  });
  expect(answer.status).toBe(201);
});
