import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../../scripts/local/lock.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { portsFrom } from "../../scripts/local/settings.ts";
import { migrationNames } from "../../scripts/schema/baseline.ts";
import { whenHealthy } from "../support/health.ts";
import { assertNothingLeft } from "../support/stack.ts";
import { processesNaming, type Ready, StackCli } from "../support/stack-cli.ts";

const browser = { accept: "text/html" };

/** `npm start` on a folder and ports of its own, again and again. */
class Started {
  readonly base_port: number;
  readonly data = mkdtempSync(join(tmpdir(), "cloud-api-"));
  cli: StackCli;
  ready!: Ready;

  constructor(basePort: number) {
    this.base_port = basePort;
    chmodSync(this.data, 0o711);
    this.cli = this.#run();
  }

  #run(...more: string[]): StackCli {
    return new StackCli(["--port", String(this.base_port), "--data", this.data, "--json", ...more]);
  }

  async answers(): Promise<void> {
    this.ready = await this.cli.ready();
  }

  start(...more: string[]): void {
    this.cli = this.#run(...more);
  }

  async again(...more: string[]): Promise<void> {
    this.start(...more);
    await this.answers();
  }

  /** The parts carry their ports in their command line or environment; PostgreSQL carries its folder. */
  parts() {
    const { functions, inbox } = portsFrom(this.base_port);
    return processesNaming(`--port=${functions.api}`, `WEB_PORT=${inbox}`, `${this.data}/postgres`);
  }

  async query(text: string): Promise<Record<string, unknown>[]> {
    const sql = postgres(this.ready.database_url, { max: 1 });
    try {
      return [...(await sql.unsafe(text))];
    } finally {
      await sql.end();
    }
  }

  async end(): Promise<void> {
    this.cli.child.kill("SIGTERM");
    await this.cli.exited;
    rmSync(this.data, { recursive: true, force: true });
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
}

// A start takes seconds, so the tests share two stacks, and each leaves its own as it found it.
describe("npm start", { timeout: 240_000 }, () => {
  let one: Started;
  let two: Started;
  beforeAll(async () => {
    one = new Started(await findFreeBase(20_000, 25_000));
    two = new Started(await findFreeBase(25_000, 30_000));
    await Promise.all([one.answers(), two.answers()]);
  }, 240_000);
  afterAll(() => Promise.all([one, two].map((each) => each.end())), 240_000);

  test("answers on every address", async () => {
    const { urls } = one.ready;
    await whenHealthy(`${urls.api}/health`);
    for (const url of [`${urls.gateway}/health`, urls.inbox, urls.studio]) {
      expect((await fetch(url, { headers: browser })).status, url).toBe(200);
    }
  });

  test("runs twice at the same time, with accounts and data apart", async () => {
    const { project_id } = one.ready.credentials;
    expect(two.ready.credentials.project_id).not.toBe(project_id);
    const projects = `select id from public.projects where id = '${project_id}'`;
    expect([await one.query(projects), await two.query(projects)]).toEqual([[{ id: project_id }], []]);
  });

  test("names a part that dies, and brings it back", async () => {
    const { inbox, functions } = portsFrom(one.base_port);
    const killed = [`WEB_PORT=${inbox}`, `--port=${functions.api}`].map((words) => processesNaming(words)[0]);
    for (const part of killed) process.kill(part?.pid ?? 0, "SIGKILL");
    expect(await one.cli.said("The mail inbox died")).toContain("SIGKILL");
    expect(await one.cli.said("The function api died")).toContain("SIGKILL");
    await Promise.all([one.cli.said("The mail inbox is back"), one.cli.said("The function api is back")]);
    expect((await fetch(one.ready.urls.inbox, { headers: browser })).status).toBe(200);
    await whenHealthy(`${one.ready.urls.api}/health`);
  });

  test("survives the death of its database", async () => {
    const [server] = processesNaming(`-D\0${two.data}/postgres`);
    process.kill(server?.pid ?? 0, "SIGKILL");
    await two.cli.said("PostgreSQL is back");
    const { urls, keys } = two.ready;
    const users = await fetch(`${urls.gateway}/rest/v1/users?select=id`, {
      headers: { apikey: keys.secret },
    });
    expect(users.status).toBe(200);
  });

  describe("at its end", { concurrent: true }, () => {
    test("leaves no trace on SIGTERM, and keeps data and keys for the next start", async () => {
      await one.query("create table public.kept as select 7 as answer");
      const { credentials } = one.ready;
      const parts = one.parts();
      expect(parts.length).toBeGreaterThanOrEqual(3);
      one.cli.child.kill("SIGTERM");
      expect(await one.cli.exited).toBe(0);
      await assertNothingLeft(one.base_port, parts);
      await one.again();
      expect(one.ready.credentials).toEqual(credentials);
      expect(statSync(join(one.data, "credentials.json")).mode & 0o777).toBe(0o600);
      expect(await one.query("select answer from public.kept")).toEqual([{ answer: 7 }]);
    });

    test("leaves no process behind when it is killed, and starts again on the same data", async () => {
      const { credentials } = two.ready;
      const parts = two.parts();
      expect(parts.length).toBeGreaterThanOrEqual(3);
      for (const { pid } of processesNaming(`--data\0${two.data}`)) process.kill(pid, "SIGKILL");
      await two.cli.exited;
      await Promise.all(parts.map(({ pid }) => gone(pid)));
      await two.again();
      expect(two.ready.credentials).toEqual(credentials);
    });
  });

  test.each([
    [
      "a migration that this checkout does not have",
      "insert into supabase_migrations.schema_migrations (version) values ('20261124090000')",
    ],
    [
      "an older state of its schema",
      "update supabase_migrations.schema_migrations set statements = array['-- Schema 0000']",
    ],
  ])("refuses a database with %s in one sentence, and leaves it as it is", async (_what, change) => {
    await two.query(change);
    two.cli.child.kill("SIGTERM");
    await two.cli.exited;
    two.start();
    expect(await two.cli.exited).toBe(1);
    expect(two.cli.errors.filter((line) => line !== "")).toEqual([
      "The database in this data folder has the schema of another checkout: begin anew with `npm start -- --fresh`, which deletes what it holds.",
    ]);
    await assertNothingLeft(two.base_port, two.parts());
    await two.again("--fresh");
    expect(
      await two.query("select count(*)::int as count from supabase_migrations.schema_migrations"),
    ).toEqual([{ count: migrationNames().length }]);
  });
});
