import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, expect, inject, test } from "vitest";
import { closeServer } from "../../scripts/local/local-server.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";

const { urls, keys, credentials } = inject("stack");
const folder = mkdtempSync(join(tmpdir(), "cloud-api-doctor-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Finding = {
  about: string;
  status: string;
  says: string;
  fix?: string;
};

/** Runs `npm run doctor` with these arguments. */
function doctor(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; out: string; errors: string }> {
  const script = join(repositoryRoot, "scripts", "doctor.ts");
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: { ...process.env, ...env } }, (error, out, errors) =>
      resolve({ code: Number(error?.code ?? 0), out, errors }),
    );
  });
}

const portOf = (url: string) => new URL(url).port;
const wrong = (findings: Finding[]) => findings.filter(({ status }) => status === "fail");

const secrets = {
  CLOUD_API_OPERATOR_KEY: credentials.operator_key,
  CLOUD_API_SECRET_KEY: keys.secret,
  CLOUD_API_PUBLISHABLE_KEY: keys.publishable,
};
const goodSettings = [
  "REPLICATE_API_TOKEN=r8_token",
  "MAIL_FROM=hello@example.com",
  "RESEND_API_KEY=re_key",
  `CRON_SECRET=${keys.cron_secret}`,
  "DATABASE_URL=postgresql://postgres@host.docker.internal:6543/postgres",
  "PUBLIC_URL=",
].join("\n");
/** The doctor may fail here: other suites leave mail that cannot be sent, and break jobs on purpose. */
const leftByOthers = ["mail outbox", "reconciler"];

test("npm run doctor prints a table of checks on the embedded stack, and all are ok", async () => {
  const { code, out, errors } = await doctor(["--port", portOf(urls.gateway)], {
    CLOUD_API_OPERATOR_KEY: credentials.operator_key,
  });
  expect(errors).toBe("");
  const lines = out.split("\n").filter((line) => /^ {2}(ok|warn|fail) /.test(line));
  const isLeft = (line: string) => leftByOthers.some((about) => line.includes(` ${about} `));
  expect(lines.filter((line) => !/^ {2}ok /.test(line) && !isLeft(line))).toEqual([]);
  expect(lines.length).toBeGreaterThanOrEqual(16);
  expect(code).toBe(0);
});

test("npm run doctor finds by --url only a webhook and a sender that do not work here, and nothing by --local", async () => {
  const settings = join(folder, "good.env");
  writeFileSync(settings, goodSettings);
  const [hosted, local] = await Promise.all(
    [
      ["--url", urls.gateway],
      ["--local", "--port", portOf(urls.gateway)],
    ].map(async (form) => {
      const { out } = await doctor(["--json", "--settings", settings, ...form], secrets);
      return JSON.parse(out) as Finding[];
    }),
  );
  for (const findings of [hosted ?? [], local ?? []]) expect(findings.length).toBeGreaterThanOrEqual(16);
  // Replicate cannot call this machine, and a sender in .test is not deliverable.
  expect(wrong(hosted ?? []).map(({ about }) => about)).toEqual(["webhook", "mail sender"]);
  expect(wrong(local ?? [])).toEqual([]);
});

/** A look-alike of a hosted project: a public host name, with the function below /functions/v1. */
async function serveAs(instance: FunctionProcess) {
  const front = createServer(async (request, response) => {
    const path = request.url ?? "/";
    const target = /^\/functions\/v1(\/.*)$/.exec(path);
    const url = target === null ? `${urls.gateway}${path}` : `${instance.base}${target[1]}`;
    const {
      host: _,
      connection: __,
      "transfer-encoding": ___,
      "content-length": ____,
      ...headers
    } = request.headers;
    const method = request.method ?? "GET";
    const body = method === "GET" || method === "HEAD" ? {} : { body: await buffer(request) };
    const answer = await fetch(url, { method, headers: headers as Record<string, string>, ...body });
    const {
      "content-encoding": _____,
      "content-length": ______,
      ...fields
    } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, fields).end(Buffer.from(await answer.arrayBuffer()));
  });
  // An HTTP proxy that resolves the public host name.
  front.on("connect", (_request, socket) => {
    const { port } = front.address() as AddressInfo;
    const upstream = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    for (const each of [socket, upstream]) each.on("error", () => each.destroy());
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  return {
    proxy: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    stop: () => closeServer(front),
  };
}

test("npm run doctor finds no fault in a project with a public name and correct settings", async () => {
  const public_url = "http://project.example.com/functions/v1";
  const instance = await startFunction(inject("stack"), "suite", {
    PUBLIC_URL: public_url,
    REPLICATE_API_TOKEN: keys.replicate_token ?? "",
    REPLICATE_API_URL: `${urls.replicate}/v1`,
    SMTP_HOST: "127.0.0.1",
    SMTP_PORT: new URL(urls.smtp ?? "").port,
    MAIL_FROM: "hello@example.com",
    CRON_SECRET: keys.cron_secret ?? "",
  });
  const project = await serveAs(instance);
  try {
    const settings = join(folder, "project.env");
    writeFileSync(settings, goodSettings);
    const { code, out } = await doctor(
      ["--json", "--settings", settings, "--url", "http://project.example.com"],
      { ...secrets, NODE_USE_ENV_PROXY: "1", HTTP_PROXY: project.proxy, NO_PROXY: "127.0.0.1" },
    );
    const findings = (JSON.parse(out) as Finding[]).filter(({ about }) => !leftByOthers.includes(about));
    expect(findings.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(findings.map(({ about }) => about)).toEqual(
      expect.arrayContaining(["sign-up", "passwords", "tokens", "sign-ins", "webhook", "replicate token"]),
    );
    expect(code).toBe(0);
  } finally {
    await Promise.all([instance.end(), project.stop()]);
  }
});

test("npm run doctor names each of five broken settings, with a fix for each", async () => {
  const instance = await startFunction(inject("stack"), "suite", {
    REPLICATE_API_TOKEN: "r8_wrong",
    REPLICATE_API_URL: `${urls.replicate}/v1`,
    PUBLIC_URL: "http://127.0.0.1:9",
    SMTP_HOST: "127.0.0.1",
    SMTP_PORT: "9",
    MAIL_FROM: "nobody@cloud-api.test",
    CRON_SECRET: "the-functions-own-secret",
  });
  try {
    const settings = join(folder, "other.env");
    writeFileSync(settings, `PUBLIC_URL=${instance.base}\nCRON_SECRET=another-cron-secret\n`);
    const { code, out } = await doctor(["--json", "--url", urls.gateway, "--settings", settings], {
      CLOUD_API_OPERATOR_KEY: credentials.operator_key,
      CLOUD_API_SECRET_KEY: keys.secret,
    });
    expect(code).toBe(1);
    const found = wrong(JSON.parse(out) as Finding[]).filter(({ about }) => about !== "settings");
    expect(found.map(({ about }) => about).sort()).toEqual(
      ["cron secret", "mail", "mail sender", "replicate token", "webhook"].sort(),
    );
    for (const { fix } of found) expect(fix?.length).toBeGreaterThan(10);
  } finally {
    await instance.end();
  }
});

test("npm run doctor names wrong settings of a hosted project, and prints no value", async () => {
  const file = join(folder, "broken.env");
  writeFileSync(
    file,
    "CRON_SECRET=short\nANONYMUS_GENERATION=off\nDB_POOL_SIZE=none\nMAIL_FROM=nobody\nSMTP_PASSWORD=hunter2hunter2\n",
  );
  const { code, out } = await doctor(["--json", "--url", "http://127.0.0.1:9", "--settings", file], {});
  expect(code).toBe(1);
  expect(out).not.toContain("hunter2");
  const settings = wrong(JSON.parse(out) as Finding[]).filter(({ about }) => about === "settings");
  expect(settings.map(({ says }) => says.split(":")[0])).toEqual([
    "ANONYMUS_GENERATION is not a setting. Did you mean ANONYMOUS_GENERATION?",
    "DB_POOL_SIZE",
    "MAIL_FROM",
    "CRON_SECRET",
  ]);

  const nothing = await doctor(
    ["--json", "--url", urls.gateway, "--settings", join(folder, "missing.env")],
    {},
  );
  expect(wrong(JSON.parse(nothing.out) as Finding[])[0]).toMatchObject({
    about: "settings",
    says: expect.stringContaining("is missing"),
  });
});

test("npm run doctor reports an embedded stack that does not run in one line, and gives no other advice", async () => {
  const { code, out, errors } = await doctor(["--port", "9", "--data", folder], {});
  expect(code).toBe(1);
  expect(errors).toBe("");
  expect(out).toMatch(/^ {2}fail {2}function .*http:\/\/127\.0\.0\.1:9\/health: no answer/m);
  expect(out).toContain("\n0 ok, 0 to check, 1 wrong.");
  expect(out).not.toContain("    at ");
});

test("npm run doctor warns when a local target's functions would use a remote database", async () => {
  const file = join(folder, "remote.env");
  writeFileSync(file, "DATABASE_URL=postgresql://postgres@aws-0.pooler.example.com:6543/postgres\n");
  const remote = await doctor(["--json", "--local", "--port", "9", "--settings", file], {});
  expect(wrong(JSON.parse(remote.out) as Finding[])[0]).toMatchObject({
    about: "settings",
    says: expect.stringContaining("aws-0.pooler.example.com"),
    fix: expect.stringContaining(".env.production"),
  });
  writeFileSync(file, "DATABASE_URL=postgresql://postgres@host.docker.internal:54322/postgres\n");
  const near = await doctor(["--json", "--local", "--port", "9", "--settings", file], {});
  expect(wrong(JSON.parse(near.out) as Finding[]).filter(({ about }) => about === "settings")).toEqual([]);
});
