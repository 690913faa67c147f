import { readdirSync, statSync } from "node:fs";
import { request as openRequest } from "node:http";
import { dirname, join } from "node:path";
import nodemailer from "nodemailer";
import { describe, expect, inject, test } from "vitest";
import { pathsFor, portsFrom } from "../../scripts/local/settings.ts";
import { sendRaw } from "../support/raw-http.ts";
import { processesNaming } from "../support/stack-cli.ts";

// Tests every server of `npm start` against the programs and web pages that can reach it.
const stack = inject("stack");
const ports = portsFrom(Number(new URL(stack.urls.gateway).port));
const paths = pathsFor(dirname(stack.logs ?? ""));

type Server = "gateway" | "studio" | "inbox" | "replicate" | "api" | "health" | "generation";
const portOf = (server: Server): number => ({ ...ports, ...ports.functions })[server];
/** The process ids behind the ports. A new id means that a process died and was restarted. */
const processes = () =>
  [
    `WEB_PORT=${ports.inbox}`,
    `PORT=${ports.replicate}`,
    ...Object.values(ports.functions).map((port) => `--port=${port}`),
  ]
    .flatMap((words) => processesNaming(words))
    .map(({ pid }) => pid);
/** A path that each server answers without credentials. */
const open: Record<Server, string> = {
  gateway: "/health",
  studio: "/",
  inbox: "/api/healthz",
  replicate: "/health",
  api: "/api",
  health: "/health",
  generation: "/generation/public",
};
const servers = Object.keys(open) as Server[];

/** fetch would set Host and Origin itself. */
function ask(server: Server, headers: Record<string, string>, path = open[server]) {
  return new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
    (resolve, reject) => {
      const sent = openRequest({ host: "127.0.0.1", port: portOf(server), path, headers }, (answer) => {
        let body = "";
        answer.on("data", (chunk) => {
          body += chunk;
        });
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
      });
      sent.on("error", reject);
      sent.end();
    },
  );
}

const local = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n";
const malformed = [
  `GET // HTTP/1.1\r\n${local}`,
  `GET //evil.test/ HTTP/1.1\r\n${local}`,
  `GET http:// HTTP/1.1\r\n${local}`,
  `GET http://[ HTTP/1.1\r\n${local}`,
  `GET http://evil.test/ HTTP/1.1\r\n${local}`,
  `GET /\\ HTTP/1.1\r\n${local}`,
  `GET /% HTTP/1.1\r\n${local}`,
  `GET /%ff%fe HTTP/1.1\r\n${local}`,
  `GET /%00 HTTP/1.1\r\n${local}`,
  `GET /static/% HTTP/1.1\r\n${local}`,
  `GET /static/%00 HTTP/1.1\r\n${local}`,
  `GET /static/..%2f..%2f..%2fetc/passwd HTTP/1.1\r\n${local}`,
  `GET /docs/%ff HTTP/1.1\r\n${local}`,
  `GET /auth/v1/%ff HTTP/1.1\r\n${local}`,
  `GET /rest/v1/%ff?select=% HTTP/1.1\r\n${local}`,
  `GET /storage/v1/object/% HTTP/1.1\r\n${local}`,
  `GET /storage/v1/object/sign/% HTTP/1.1\r\n${local}`,
  `GET /storage/v1/object/sign/uploads/a.png HTTP/1.1\r\n${local}`,
  `PUT /storage/v1/object/upload/sign/%ff HTTP/1.1\r\nContent-Length: 1\r\n${local}{`,
  `GET /auth/v1/user/${"a/".repeat(2_000)} HTTP/1.1\r\n${local}`,
  `OPTIONS * HTTP/1.1\r\n${local}`,
  `GET * HTTP/1.1\r\n${local}`,
  `CONNECT evil.test:443 HTTP/1.1\r\n${local}`,
  `TRACE / HTTP/1.1\r\n${local}`,
  `TRACE /auth/v1/user HTTP/1.1\r\n${local}`,
  `BREW / HTTP/1.1\r\n${local}`,
  "GET / HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n",
  "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
  `GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n${local.replace("Connection: close\r\n", "")}`,
  `POST / HTTP/1.1\r\nContent-Length: 100\r\n${local}{`,
  `POST /auth/v1/admin/users HTTP/1.1\r\nContent-Length: 1\r\n${local}{`,
  `GET /email/.. HTTP/1.1\r\nRange: bytes=9-1\r\n${local}`,
  "\0\0\0\0",
  "GET /",
];

/** Lite itself answers 500 to these, so the table editor does too. */
const wrongTokens = [
  `GET /storage/v1/object/sign/uploads/a.png?token=a HTTP/1.1\r\n${local}`,
  `GET /storage/v1/object/sign/uploads/a.png?token=eyJhbGciOiJIUzI1NiJ9.e30.a HTTP/1.1\r\n${local}`,
  `PUT /storage/v1/object/upload/sign/uploads/a.png?token=a HTTP/1.1\r\nContent-Length: 1\r\n${local}{`,
];

describe.each(servers)("%s", (server) => {
  test(`the server ${server} survives malformed requests, and answers none of them with a 5xx`, {
    timeout: 120_000,
  }, async () => {
    const before = processes();
    expect(before.length).toBeGreaterThanOrEqual(5);
    const send = async (bytes: string) => {
      const answers = await sendRaw(portOf(server), bytes, { first_ms: 3_000, silence_ms: 100 });
      for (const { status, body } of answers)
        expect(status, `${bytes.slice(0, 60)} → ${body}`).toBeLessThan(500);
    };
    await Promise.all([...malformed, ...(server === "gateway" ? wrongTokens : [])].map(send));
    expect((await ask(server, {})).status).toBe(200);
    expect(processes()).toEqual(before);
  });

  test.each([
    "evil.test",
    "127.0.0.1.evil.test",
    "localhost.evil.test:54321",
    "evil.test:80",
    "[::2]",
    "192.168.1.5",
  ])(`the server ${server} refuses the foreign host %s with 421`, async (host) => {
    expect((await ask(server, { host })).status).toBe(421);
  });

  test.each(["127.0.0.1:1", "localhost", "LOCALHOST:80", "[::1]:54321"])(
    `the server ${server} answers under the host %s`,
    async (host) => {
      expect((await ask(server, { host })).status).toBe(200);
    },
  );
});

const foreign = [
  "https://evil.test",
  "null",
  "http://localhost.evil.test",
  "http://127.0.0.1.evil.test:3000",
];

describe("a page of another site", () => {
  test.each(foreign)(
    "a page of %s is refused by the inbox, the table editor, the look-alike, Auth, REST and Storage",
    async (origin) => {
      const asked: [Server, string][] = [
        ["inbox", "/api/email"],
        ["studio", "/rest/v1/users"],
        ["replicate", "/health"],
        ["gateway", "/auth/v1/settings"],
        ["gateway", "/auth/v1/admin/users"],
        ["gateway", "/rest/v1/users"],
        ["gateway", "/storage/v1/bucket"],
      ];
      for (const [server, path] of asked) {
        const { status, headers } = await ask(server, { origin }, path);
        expect([server, path, status]).toEqual([server, path, 403]);
        expect(headers["access-control-allow-origin"]).toBeUndefined();
      }
    },
  );

  test("a page of another site may call the API, which checks keys and the project's origins", async () => {
    const { status, headers } = await ask("gateway", { origin: "https://app.example.com" }, "/health");
    expect([status, headers["access-control-allow-origin"]]).toEqual([200, "*"]);
  });

  test("a page of another site may use the signed URLs of pictures and uploads, and nothing else of Storage", async () => {
    const origin = "https://app.example.com";
    const storage = (path: string) => ask("gateway", { origin }, `/storage/v1/object/${path}?token=x`);
    for (const path of ["sign/generations/a.png", "upload/sign/uploads/a.png"]) {
      const { status, headers } = await storage(path);
      expect(status).not.toBe(403);
      expect(headers["access-control-allow-origin"]).toBe("*");
    }
    for (const path of ["generations/a.png", "sign/../generations/a.png"])
      expect([403, 404]).toContain((await storage(path)).status);
  });

  test("a page of another site cannot read mails or tables by a script tag, nor open the inbox's WebSocket", async () => {
    const script = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "no-cors",
      "sec-fetch-dest": "script",
    };
    expect((await ask("inbox", script, "/api/email")).status).toBe(403);
    expect((await ask("studio", script, "/rest/v1/users")).status).toBe(403);
    const hello = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
    const socket = "/socket.io/?EIO=4&transport=websocket";
    const upgrade = async (headers: string) =>
      (await sendRaw(portOf("inbox"), `GET ${socket} HTTP/1.1\r\n${headers}\r\n${hello}`))[0]?.status;
    const own = `127.0.0.1:${portOf("inbox")}`;
    expect(await upgrade(`Host: ${own}\r\nOrigin: http://${own}`)).toBe(101);
    expect(await upgrade(`Host: ${own}\r\nOrigin: https://evil.test`)).toBeUndefined();
    expect(await upgrade("Host: evil.test\r\nOrigin: http://evil.test")).toBeUndefined();
  });
});

describe("a page of this machine", () => {
  test("a page on another local port may call Auth with the publishable key, but not the inbox", async () => {
    const origin = "http://localhost:3000";
    const { publishable = "" } = stack.keys;
    expect((await ask("gateway", { origin, apikey: publishable }, "/auth/v1/settings")).status).toBe(200);
    expect((await ask("inbox", { origin }, "/api/email")).status).toBe(403);
  });

  test("the inbox and the table editor open from a link on another site", async () => {
    const opened = {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
      accept: "text/html",
    };
    for (const server of ["inbox", "studio"] as const)
      expect((await ask(server, opened, "/")).status).toBe(200);
  });
});

describe("secrets", () => {
  test("the stack has its own keys and refuses the published keys of the Supabase CLI", async () => {
    const { secret = "" } = stack.keys;
    const published = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz";
    const users = (apikey: string) => ask("gateway", { apikey }, "/rest/v1/users?select=id");
    expect((await users(published)).status).toBe(401);
    expect((await users(secret)).status).toBe(200);
    expect(stack.database_url).not.toContain("postgres:postgres");
  });

  test("the table editor's system information contains no secret", async () => {
    const { password } = new URL(stack.admin_database_url ?? "");
    const { secret = "", jwt_secret = "" } = stack.keys;
    for (const path of ["/_system/info", "/_system/config", "/_system/introspect"]) {
      const { body } = await ask("studio", {}, path);
      for (const each of [password, secret, jwt_secret]) expect(body).not.toContain(each);
    }
    expect(JSON.parse((await ask("studio", {}, "/_system/info")).body)).toMatchObject({ admin: true });
  });

  test("the files of keys, logs and mails are readable by their owner only", async () => {
    const { hostname, port } = new URL(`smtp://127.0.0.1:${ports.smtp}`);
    const transport = nodemailer.createTransport({ host: hostname, port: Number(port), secure: false });
    await transport.sendMail({ from: "a@cloud-api.test", to: "b@cloud-api.test", subject: "Hi", text: "Hi" });
    const { keys, logs, credentials, data } = paths;
    const inside = (folder: string): string[] =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) =>
        join(entry.parentPath, entry.name),
      );
    const mails = inside(join(data, "mail")).filter((file) => file.endsWith(".eml"));
    expect(mails.length).toBeGreaterThan(0);
    const files = [keys, credentials, logs, ...inside(logs), ...mails, ...mails.map((file) => dirname(file))];
    for (const file of files) expect([file, statSync(file).mode & 0o077]).toEqual([file, 0]);
  });
});
