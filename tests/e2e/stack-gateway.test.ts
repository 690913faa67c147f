import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccessTokens } from "../../scripts/local/access-tokens.ts";
import { startGateway } from "../../scripts/local/gateway.ts";
import { publishedKeys } from "../../scripts/local/keys.ts";
import { closeServer } from "../../scripts/local/local-server.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { destinationOf } from "../../scripts/local/route.ts";
import { type Ports, portsFrom } from "../../scripts/local/settings.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let gateway: Server;
let upstream: Server;
let ports: Ports;
let handler: Handler;
let address: string;

beforeAll(async () => {
  upstream = createServer((request, response) => handler(request, response));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  ports = portsFrom(await findFreeBase());
  ports.functions.api = (upstream.address() as AddressInfo).port;
  const admin = { password_cost: 4, keys: publishedKeys };
  gateway = await startGateway({
    ports,
    parts: () => undefined,
    admin,
    tokens: new AccessTokens(publishedKeys, "HS256"),
    report: () => {},
  });
  address = `http://127.0.0.1:${ports.gateway}`;
});

afterAll(async () => {
  await closeServer(gateway);
  await closeServer(upstream);
});

describe("routes", () => {
  it.each([
    ["/api/v1/auth/me?x=1", { kind: "function", name: "api", path: "/api/v1/auth/me?x=1" }],
    ["/functions/v1/api/api/v1/health", { kind: "function", name: "api", path: "/api/api/v1/health" }],
    ["/functions/v1//api/v1/health", { kind: "function", name: "api", path: "/api/v1/health" }],
    ["/functions/v1/health", { kind: "function", name: "health", path: "/health" }],
    ["/functions/v1/other/x", { kind: "unknown" }],
    [
      "/generation/public?page=2",
      { kind: "function", name: "generation", path: "/generation/public?page=2" },
    ],
    ["/health", { kind: "function", name: "health", path: "/health" }],
    ["/healthy", { kind: "unknown" }],
    ["/", { kind: "index" }],
    ["/?x=1", { kind: "index" }],
    ["/docs", { kind: "docs" }],
    ["/docs/errors.html?x=1", { kind: "docs" }],
    ["/docsx", { kind: "unknown" }],
    ["/openapi.json", { kind: "docs" }],
    ["/auth/v1/token?grant_type=password", { kind: "platform" }],
    ["/auth/v1/admin/users/1", { kind: "platform" }],
    ["/auth/v1/../../functions/v1/other", { kind: "unknown" }],
    ["/storage/v1/object/a/b", { kind: "platform" }],
    ["/rest/v1x", { kind: "unknown" }],
  ])("the gateway sends the path %s to %j", (target, destination) => {
    expect(destinationOf(target)).toEqual(destination);
  });
});

describe("the gateway", () => {
  it("the gateway appends the peer to X-Forwarded-For, names the public host and drops hop-by-hop headers", async () => {
    let seen: IncomingMessage["headers"] = {};
    handler = (request, response) => {
      seen = request.headers;
      response.setHeader("x-answer", "yes").end("ok");
    };
    const sent = openRequest(`${address}/api/v1/x`, {
      headers: {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.test",
        connection: "close, x-secret-hop",
        "x-secret-hop": "1",
        te: "trailers",
      },
    }).end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    expect(answer.headers["x-answer"]).toBe("yes");
    expect(seen["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
    expect(seen["x-forwarded-host"]).toBe(`127.0.0.1:${ports.gateway}`);
    expect(seen["x-forwarded-proto"]).toBe("http");
    expect(seen).not.toHaveProperty("x-secret-hop");
    expect(seen).not.toHaveProperty("te");
  });

  it("the gateway reads a path that begins with two slashes as one with a single slash", async () => {
    handler = (request, response) => response.end(request.url);
    expect(await (await fetch(`${address}//api/v1/x`)).text()).toBe("/api/v1/x");
  });

  it("the gateway adds no CORS headers to the answer of a function", async () => {
    handler = (_request, response) => response.end("ok");
    const response = await fetch(`${address}/api/v1/x`, { headers: { origin: "https://app.test" } });
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
  });

  it("the gateway forwards each chunk of an answer before the answer has ended", async () => {
    let finish: () => void = () => {};
    handler = (_request, response) => {
      response.write("first");
      finish = () => response.end("second");
    };
    const response = await fetch(`${address}/api/v1/x`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("first");
    finish();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("second");
  });

  it("the gateway forwards each chunk of a request body before the body has ended", async () => {
    const firstChunk = new Promise<string>((resolve) => {
      handler = (request, response) => {
        request.once("data", (chunk: Buffer) => resolve(chunk.toString()));
        request.on("end", () => response.end("done"));
      };
    });
    const sent = openRequest(`${address}/api/v1/x`, { method: "POST" });
    sent.write("first");
    expect(await firstChunk).toBe("first");
    sent.end("second");
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(200);
  });

  it("the gateway ends the call to the function when the client disconnects", async () => {
    const isComplete = new Promise<boolean>((resolve) => {
      handler = (_request, response) => {
        response.write("waiting");
        response.once("close", () => resolve(response.writableFinished));
      };
    });
    const controller = new AbortController();
    const response = await fetch(`${address}/api/v1/x`, { signal: controller.signal });
    expect(response.status).toBe(200);
    controller.abort();
    expect(await isComplete).toBe(false);
  });

  it("the gateway answers 503 as the API would, with the caller's request id, while a function is down", async () => {
    const response = await fetch(`${address}/generation/public`, {
      headers: { "x-request-id": "caller-id-0001" },
    });
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("x-request-id")).toBe("caller-id-0001");
    expect(await response.json()).toEqual({
      detail: expect.any(String),
      code: "unavailable",
      request_id: "caller-id-0001",
    });
  });

  it("the gateway answers 502 when a function closes the connection before it answers", async () => {
    handler = (request) => request.socket.destroy();
    const response = await fetch(`${address}/api/v1/x`, { method: "POST", body: "x" });
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ code: "bad_gateway" });
  });

  it("the gateway answers an unknown path with 404, as the API would", async () => {
    const response = await fetch(`${address}/nowhere`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ code: "not_found", detail: expect.any(String) });
  });
});
