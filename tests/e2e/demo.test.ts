import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { decode } from "fast-png";
import { expect, inject, test } from "vitest";
import { ROOT } from "../../scripts/local/settings.ts";

const { urls, credentials } = inject("stack");

/** `npm run demo` with this environment; its output is no terminal. */
async function demo(env: Record<string, string | undefined>) {
  const child = spawn(process.execPath, [join(ROOT, "scripts", "demo.ts")], {
    cwd: ROOT,
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

test("the demo ends with a picture that decodes, in plain lines, and says where it lies", async () => {
  const { code, out, errors } = await demo({
    CLOUD_API_URL: urls.gateway,
    CLOUD_API_OPERATOR_KEY: credentials.operator_key,
  });
  expect(errors).toBe("");
  expect(code).toBe(0);
  expect(out).not.toContain("\u001b");
  expect(out.match(/^✓ +\d+\.\d+ s {2}\S/gm)).toHaveLength(7);
  expect(new Set(out.match(/account [0-9a-f-]{36}/g)).size).toBe(2);
  const file = join(ROOT, /The picture: (.+\.png)/.exec(out)?.[1] ?? "");
  expect(decode(readFileSync(file), { checkCrc: true })).toMatchObject({ width: 512, height: 512 });
  rmSync(file);
});

test("a refusal is one sentence with the request id, and the exit code is not zero", async () => {
  const { code, errors } = await demo({ CLOUD_API_URL: urls.gateway, CLOUD_API_OPERATOR_KEY: "ok_wrong" });
  expect(code).toBe(1);
  expect(errors).toMatch(
    /^POST \/auth\/register answered 403: Invalid operator key\. \(request id [0-9a-f-]{36}\)\n$/,
  );
});

test("a target that does not answer is named in one sentence", async () => {
  const { code, errors } = await demo({
    CLOUD_API_URL: "http://127.0.0.1:9",
    CLOUD_API_OPERATOR_KEY: "ok_any",
  });
  expect(code).toBe(1);
  expect(errors).toMatch(/^POST \/auth\/register got no answer: .*\n$/);
});
