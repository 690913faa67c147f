import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { beforeAll, expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const { urls, credentials, keys, logs = "" } = inject("stack");

/** Runs `npm run demo` with this environment. Its output is not a terminal. */
async function demo(env: Record<string, string | undefined>) {
  const child = spawn(process.execPath, [join(repositoryRoot, "scripts", "demo.ts")], {
    cwd: repositoryRoot,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, out, errors };
}

let ranDemo: Awaited<ReturnType<typeof demo>>;
beforeAll(async () => {
  ranDemo = await demo({ CLOUD_API_URL: urls.gateway, CLOUD_API_OPERATOR_KEY: credentials.operator_key });
});

test("the demo writes a valid picture, prints plain lines without colors, and names the file", () => {
  const { code, out, errors } = ranDemo;
  expect(errors).toBe("");
  expect(code).toBe(0);
  expect(out).not.toContain("\u001b");
  expect(out.match(/^✓ +\d+\.\d+ s {2}\S/gm)).toHaveLength(7);
  expect(new Set(out.match(/account [0-9a-f-]{36}/g)).size).toBe(2);
  const file = join(repositoryRoot, /The picture: (.+\.png)/.exec(out)?.[1] ?? "");
  expect(decode(readFileSync(file), { checkCrc: true })).toMatchObject({ width: 512, height: 512 });
  rmSync(file);
});

test("after the demo the logs contain its requests, and no key, token, password or address", () => {
  const files = readdirSync(logs).filter((name) => name.startsWith("function-"));
  expect(files).toHaveLength(3);
  const secrets = [...Object.values(credentials), ...Object.values(keys)].filter(
    (value) => value !== credentials.project_id,
  );
  const routes = new Set<string>();
  for (const file of files) {
    const text = readFileSync(join(logs, file), "utf8");
    for (const secret of secrets) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/\b(ak|ok)_[\w-]{8}|\beyJ|pass-|horse|Bearer|\w@\w|127\.0\.0\.1|[?&]token=/);
    const requests = text
      .split("\n")
      .filter((line) => line.includes('"message":"request"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { method, route } of requests) routes.add(`${method} ${route}`);
    const registered = requests.find(
      ({ route, status }) => route === "/api/v1/auth/register" && status === 201,
    );
    if (file === "function-api.log")
      expect(registered).toMatchObject({ db_ms: expect.any(Number), auth_ms: expect.any(Number) });
  }
  expect([...routes]).toEqual(
    expect.arrayContaining([
      "POST /api/v1/auth/register",
      "POST /api/v1/generation/generate-v2",
      "GET /api/v1/generation/{generation_id}/events",
      "POST /api/v1/generation/webhooks/replicate",
    ]),
  );
});

test("the demo reports a refused request in one sentence with the request id, and exits with 1", async () => {
  const { code, errors } = await demo({ CLOUD_API_URL: urls.gateway, CLOUD_API_OPERATOR_KEY: "ok_wrong" });
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^Invalid operator key\. Check that it is complete\. \(403 operator_key_invalid, request [0-9a-f-]{36}\) \S+\n$/,
  );
});

test("the demo reports a target that does not answer in one sentence, and exits with 1", async () => {
  const { code, errors } = await demo({
    CLOUD_API_URL: "http://127.0.0.1:9",
    CLOUD_API_OPERATOR_KEY: "ok_any",
  });
  expect(code).toBe(1);
  expect(errors).toMatch(/127\.0\.0\.1:9.*\n$/);
  expect(errors.trim()).not.toContain("\n");
});
