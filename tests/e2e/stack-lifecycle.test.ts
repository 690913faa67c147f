import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAlive } from "../../scripts/local/lock.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { portsFrom } from "../../scripts/local/settings.ts";
import { migrationNames } from "../../scripts/schema/baseline.ts";
import { assertNothingLeft } from "../support/stack.ts";
import { processesNaming, type Ready, StackCli } from "../support/stack-cli.ts";
import { until } from "../support/until.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

const browser = { accept: "text/html" };

/** `npm start` on its own folder and ports. It can be started repeatedly. */
class StartedStack {
  readonly base_port: number;
  readonly data = mkdtempSync(join(tmpdir(), "cloud-api-"));
  cli: StackCli;
  ready!: Ready;

  constructor(basePort: number, ...more: string[]) {
    this.base_port = basePort;
    chmodSync(this.data, 0o711);
    this.cli = this.#run(...more);
  }

  #run(...more: string[]): StackCli {
    return new StackCli(["--port", String(this.base_port), "--data", this.data, "--json", ...more]);
  }

  async waitUntilReady(): Promise<void> {
    this.ready = await this.cli.ready();
  }

  start(...more: string[]): void {
    this.cli = this.#run(...more);
  }

  async restart(...more: string[]): Promise<void> {
    this.start(...more);
    await this.waitUntilReady();
  }

  /** Finds each part by the port in its command line or environment, and PostgreSQL by its folder. */
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

const seededProjects = `select name, created_at from public.projects where id::text like 'b0000000%' order by id`;

const untilGone = (pid: number) => until(`process ${pid} has ended`, () => !isAlive(pid));

// A start takes seconds, so the tests share two stacks, and each test leaves its stack as it was.
describe("npm start", { timeout: 240_000 }, () => {
  let one: StartedStack;
  let two: StartedStack;
  beforeAll(async () => {
    one = new StartedStack(await findFreeBase(), "--seed");
    two = new StartedStack(await findFreeBase());
    await Promise.all([one.waitUntilReady(), two.waitUntilReady()]);
  }, 240_000);
  afterAll(() => Promise.all([one, two].map((each) => each.end())), 240_000);

  test("after npm start the gateway, the inbox and the table editor answer", async () => {
    const { urls } = one.ready;
    await waitUntilHealthy(`${urls.api}/health`);
    for (const url of [`${urls.gateway}/health`, urls.inbox, urls.studio]) {
      expect((await fetch(url, { headers: browser })).status, url).toBe(200);
    }
  });

  test("two stacks run at the same time with separate accounts and data", async () => {
    const { project_id } = one.ready.credentials;
    expect(two.ready.credentials.project_id).not.toBe(project_id);
    const projects = `select id from public.projects where id = '${project_id}'`;
    expect([await one.query(projects), await two.query(projects)]).toEqual([[{ id: project_id }], []]);
  });

  test("npm start -- --keys prints the keys of the accounts and of the stack, also with a data folder elsewhere", async () => {
    const cli = new StackCli(["--port", String(one.base_port), "--keys"]);
    expect(await cli.exited).toBe(0);
    expect(JSON.parse(cli.output.join("\n"))).toMatchObject({
      ...one.ready.credentials,
      secret: one.ready.keys.secret,
      database_url: one.ready.database_url,
    });
  });

  test("npm start -- --seed loads the seed, and npm start does not", async () => {
    const names = (await one.query(seededProjects)).map(({ name }) => name);
    expect(names).toEqual(["Postcards", "Avatars", "Tiles"]);
    expect(await two.query(seededProjects)).toEqual([]);
  });

  test("npm start names a part that dies, and restarts it", async () => {
    const { inbox, functions } = portsFrom(one.base_port);
    const killed = [`WEB_PORT=${inbox}`, `--port=${functions.api}`].map((words) => processesNaming(words)[0]);
    for (const part of killed) process.kill(part?.pid ?? 0, "SIGKILL");
    expect(await one.cli.lineWith("The mail inbox died")).toContain("SIGKILL");
    expect(await one.cli.lineWith("The function api died")).toContain("SIGKILL");
    await Promise.all([
      one.cli.lineWith("The mail inbox is back"),
      one.cli.lineWith("The function api is back"),
    ]);
    expect((await fetch(one.ready.urls.inbox, { headers: browser })).status).toBe(200);
    await waitUntilHealthy(`${one.ready.urls.api}/health`);
  });

  test("npm start restarts a database that was killed, and REST answers again", async () => {
    const [server] = processesNaming(`-D\0${two.data}/postgres`);
    process.kill(server?.pid ?? 0, "SIGKILL");
    await two.cli.lineWith("PostgreSQL is back");
    const { urls, keys } = two.ready;
    const users = await fetch(`${urls.gateway}/rest/v1/users?select=id`, {
      headers: { apikey: keys.secret },
    });
    expect(users.status).toBe(200);
  });

  describe("when it ends", { concurrent: true }, () => {
    test("SIGTERM ends every process of the stack, and the next start has the same data and keys, even with --seed again", async () => {
      await one.query("create table public.kept as select 7 as answer");
      const { credentials } = one.ready;
      const seeded = await one.query(seededProjects);
      const parts = one.parts();
      expect(parts.length).toBeGreaterThanOrEqual(3);
      one.cli.child.kill("SIGTERM");
      expect(await one.cli.exited).toBe(0);
      await assertNothingLeft(one.base_port, parts);
      // With the seed again, which changes nothing.
      await one.restart("--seed");
      expect(one.ready.credentials).toEqual(credentials);
      expect(statSync(join(one.data, "credentials.json")).mode & 0o777).toBe(0o600);
      expect(await one.query("select answer from public.kept")).toEqual([{ answer: 7 }]);
      expect(await one.query(seededProjects)).toEqual(seeded);
    });

    test("SIGKILL of npm start ends every process of the stack, and the next start has the same data", async () => {
      const { credentials } = two.ready;
      const parts = two.parts();
      expect(parts.length).toBeGreaterThanOrEqual(3);
      for (const { pid } of processesNaming(`--data\0${two.data}`)) process.kill(pid, "SIGKILL");
      await two.cli.exited;
      await Promise.all(parts.map(({ pid }) => untilGone(pid)));
      await two.restart();
      expect(two.ready.credentials).toEqual(credentials);
    });
  });

  // tests/db/foreign-schema.test.ts has the other databases that are refused.
  test("npm start refuses a database with a migration that this checkout does not have in one sentence, and --fresh replaces it", async () => {
    await two.query("insert into supabase_migrations.schema_migrations (version) values ('20261124090000')");
    two.cli.child.kill("SIGTERM");
    await two.cli.exited;
    two.start();
    expect(await two.cli.exited).toBe(1);
    expect(two.cli.errors.filter((line) => line !== "")).toEqual([
      "The database in this data folder has the schema of another checkout: start again with `npm start -- --fresh`, which deletes its data.",
    ]);
    await assertNothingLeft(two.base_port, two.parts());
    await two.restart("--fresh");
    expect(
      await two.query("select count(*)::int as count from supabase_migrations.schema_migrations"),
    ).toEqual([{ count: migrationNames().length }]);
  });
});
