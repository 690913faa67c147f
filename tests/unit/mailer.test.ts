import { createServer, type IncomingHttpHeaders } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createMailer, type Mail } from "../../supabase/functions/api/clients/mailer.ts";
import { type Env, parseEnv } from "../../supabase/functions/api/env.ts";

const mail: Mail = {
  id: "outbox-1",
  to: "ada@example.com",
  from_name: "Postcards",
  subject: "Confirm your address",
  text: "Hello",
  html: "<p>Hello</p>",
};

const env = (vars: Record<string, string>): Env =>
  parseEnv({
    SUPABASE_URL: "http://127.0.0.1:1",
    SUPABASE_DB_URL: "postgresql://127.0.0.1:1/x",
    SUPABASE_SECRET_KEYS: '{"default":"sb_secret_x"}',
    MAIL_FROM: "no-reply@mail.example.com",
    ...vars,
  });

describe("through the mail service's API", () => {
  let answer = { status: 200, body: '{"id":"m"}' };
  let seen: { url: string; headers: IncomingHttpHeaders; body: Record<string, unknown> }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    seen.push({
      url: request.url ?? "",
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    });
    response.writeHead(answer.status, { "Content-Type": "application/json" }).end(answer.body);
  });
  let mailer: ReturnType<typeof createMailer>;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    mailer = createMailer(env({ RESEND_API_KEY: "re_x", RESEND_API_URL: `http://127.0.0.1:${port}` }));
  });
  afterAll(() => server.close());
  beforeEach(() => {
    seen = [];
    answer = { status: 200, body: '{"id":"m"}' };
  });

  test("the mail service gets the project's name, both texts and an idempotency key", async () => {
    await mailer.send(mail);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      url: "/emails",
      headers: { authorization: "Bearer re_x", "idempotency-key": "outbox-1" },
      body: {
        from: '"Postcards" <no-reply@mail.example.com>',
        to: ["ada@example.com"],
        subject: "Confirm your address",
        text: "Hello",
        html: "<p>Hello</p>",
        headers: { "Auto-Submitted": "auto-generated" },
      },
    });
  });

  test.each([
    ["a line break", "Evil\r\nBcc: all@example.com", '"Evil Bcc: all example.com"'],
    ["quotes and an address", 'Bank" <bank@example.com>', '"Bank bank example.com"'],
    ["a backslash", "C:\\Post", '"C: Post"'],
    ["no printable character", ' "<>" ', '"Cloud API"'],
    ["300 characters", "x".repeat(300), `"${"x".repeat(100)}"`],
  ])("a project name with %s adds no header and no address to a mail", async (_name, fromName, shown) => {
    await mailer.send({ ...mail, from_name: fromName, subject: `Hello ${fromName}` });
    expect(seen[0]?.body.from).toBe(`${shown} <no-reply@mail.example.com>`);
    expect(String(seen[0]?.body.subject)).not.toMatch(/[\r\n]/);
  });

  test.each([
    [422, '{"name":"validation_error","message":"ada@example.com is not valid"}', "422 validation_error"],
    [500, "<html>", "500"],
  ])(
    "when the mail service answers %i, the error names no address and no key",
    async (status, body, words) => {
      answer = { status, body };
      const error = await mailer.send(mail).catch((thrown: unknown) => thrown);
      expect(String(error)).toContain(words);
      expect(String(error)).not.toMatch(/ada@|re_x/);
    },
  );
});

describe("by SMTP", () => {
  test("when the SMTP server is unreachable, the error names no address", async () => {
    const mailer = createMailer(env({ SMTP_HOST: "127.0.0.1", SMTP_PORT: "1" }));
    expect(mailer.configured).toBe(true);
    const error = await mailer.send(mail).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain("the mail server refused: ESOCKET");
    expect(String(error)).not.toContain("ada@");
  });

  test("a server that offers no TLS gets neither the password nor the mail", async () => {
    const lines: string[] = [];
    const server = createTcpServer((socket) => {
      socket.on("error", () => {}).write("220 mail.example.com\r\n");
      socket.on("data", (chunk) => {
        lines.push(...chunk.toString().trim().split("\r\n"));
        const isGreeting = chunk.toString().startsWith("EHLO");
        socket.write(isGreeting ? "250-mail.example.com\r\n250 AUTH PLAIN\r\n" : "502 No\r\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const login = { SMTP_USER: "mailer", SMTP_PASSWORD: "a-secret-word" };
    const mailer = createMailer(env({ SMTP_HOST: "127.0.0.1", SMTP_PORT: String(port), ...login }));
    await expect(mailer.send(mail)).rejects.toThrow("the mail server refused: ETLS 502");
    expect(lines[0]).toBe("EHLO mail.example.com");
    expect(lines.filter((line) => /^(AUTH|MAIL)/.test(line))).toEqual([]);
  });
});

test("without a mail service nothing is sent, and the error names the missing settings", async () => {
  const mailer = createMailer(env({}));
  expect(mailer.configured).toBe(false);
  await expect(mailer.send(mail)).rejects.toThrow("RESEND_API_KEY or SMTP_HOST");
});

test("the function refuses to start when MAIL_FROM is not a plain address", () => {
  expect(() => env({ MAIL_FROM: "Postcards <no-reply@example.com>" })).toThrow("MAIL_FROM");
});
