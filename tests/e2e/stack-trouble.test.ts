import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { newKeys, writeKeys } from "../../scripts/local/keys.ts";
import { lockData } from "../../scripts/local/lock.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { assertNothingLeft } from "../support/stack.ts";
import { StackCli } from "../support/stack-cli.ts";

const timeoutMs = 120_000;
const folder = mkdtempSync(join(tmpdir(), "cloud-api-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function failure(...args: string[]): Promise<{ code: number | NodeJS.Signals; lines: string[] }> {
  const cli = new StackCli([...args, "--json"]);
  const code = await cli.exited;
  return { code, lines: cli.errors };
}

describe("npm start that cannot succeed", () => {
  it("npm start says in one sentence which port is taken, and suggests other ports", {
    timeout: timeoutMs,
  }, async () => {
    const base_port = await findFreeBase();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(base_port + 3, "127.0.0.1", resolve));
    try {
      const { code, lines } = await failure("--port", String(base_port), "--data", join(folder, "taken"));
      expect(code).toBe(1);
      expect(lines).toEqual([
        `Port ${base_port + 3} (inbox) is taken by another program: stop it, or use other ports with \`npm start -- --port ${base_port + 100}\`.`,
      ]);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  it("npm start says in one sentence that another stack runs on the same data", {
    timeout: timeoutMs,
  }, async () => {
    const data = join(folder, "locked");
    const unlock = lockData(join(data, "stack.lock"));
    const { code, lines } = await failure("--port", String(await findFreeBase()), "--data", data);
    unlock();
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`Another stack (process ${process.pid}) is running on ${data}`);
  });

  it("npm start says in one sentence that a file prevents the creation of its data folder", {
    timeout: timeoutMs,
  }, async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { code, lines } = await failure(
      "--port",
      String(await findFreeBase()),
      "--data",
      join(file, "data"),
    );
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("A file is in the way of this folder");
  });

  it("npm start says in one sentence that another version of PostgreSQL made its data", {
    timeout: timeoutMs,
  }, async () => {
    const data = join(folder, "older");
    mkdirSync(join(data, "postgres"), { recursive: true });
    chmodSync(folder, 0o755);
    writeKeys(join(data, "keys.json"), newKeys());
    writeFileSync(join(data, "postgres", "PG_VERSION"), "16\n");
    const { code, lines } = await failure("--port", String(await findFreeBase()), "--data", data);
    expect(code).toBe(1);
    expect(lines).toEqual([
      `PostgreSQL 16 made the data in ${join(data, "postgres")}, and this checkout has PostgreSQL 17: use the checkout that made it, or start again with \`npm start -- --fresh\`.`,
    ]);
  });

  it("npm start ends without an error when Ctrl-C comes while it starts, and leaves nothing running", {
    timeout: timeoutMs,
  }, async () => {
    const base_port = await findFreeBase();
    const cli = new StackCli(["--port", String(base_port), "--data", join(folder, "stopped")]);
    await cli.lineWith("Starting on port");
    cli.child.kill("SIGINT");
    expect(await cli.exited).toBe(0);
    expect(cli.errors).toEqual([`Starting on port ${base_port} …`, "", "Ending (SIGINT) …"]);
    await assertNothingLeft(base_port, []);
  });

  it.each([
    ["a port that is no number", ["--port", "many"], "--port many is not usable"],
    ["an unknown option", ["--prot", "1"], "Unknown option '--prot'"],
  ])("npm start refuses %s in one sentence", { timeout: timeoutMs }, async (_name, args, sentence) => {
    const { code, lines } = await failure(...args);
    expect(code).toBe(1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(sentence);
  });
});
