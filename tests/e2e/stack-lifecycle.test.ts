import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterEach, describe, expect, it } from "vitest";
import { isAlive } from "../../scripts/local/lock.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { portsFrom } from "../../scripts/local/settings.ts";
import { assertNothingLeft } from "../support/stack.ts";
import { processesNaming, StackCli } from "../support/stack-cli.ts";

const BROWSER = { accept: "text/html" };
const TIMEOUT_MS = 240_000;
const running: StackCli[] = [];
const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-"));
  chmodSync(folder, 0o711);
  folders.push(folder);
  return folder;
}

function start(base_port: number, data: string): StackCli {
  const cli = new StackCli(["--port", String(base_port), "--data", data, "--json"]);
  running.push(cli);
  return cli;
}

/** The parts carry their ports in their command line or environment; PostgreSQL carries its folder. */
function partsOf(base_port: number, data: string) {
  const { functions, inbox } = portsFrom(base_port);
  return processesNaming(`--port=${functions.api}`, `WEB_PORT=${inbox}`, `${data}/postgres`);
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
}

afterEach(async () => {
  for (const cli of running.splice(0)) {
    cli.child.kill("SIGTERM");
    await cli.exited;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

describe("npm start", () => {
  it("answers on every address, ends without a trace on SIGTERM, and keeps data and keys for the next start", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const [base_port, data] = [await findFreeBase(), newFolder()];
    const first = start(base_port, data);
    const { urls, credentials, database_url } = await first.ready();
    for (const url of [`${urls.gateway}/health`, `${urls.api}/health`, urls.inbox, urls.studio]) {
      expect((await fetch(url, { headers: BROWSER })).status, url).toBe(200);
    }
    const sql = postgres(database_url, { max: 1 });
    await sql`create table public.kept as select 7 as answer`;
    await sql.end();
    const parts = partsOf(base_port, data);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(0);
    await assertNothingLeft(base_port, parts);

    const again = await start(base_port, data).ready();
    expect(again.credentials).toEqual(credentials);
    expect(statSync(join(data, "credentials.json")).mode & 0o777).toBe(0o600);
    const kept = postgres(database_url, { max: 1 });
    expect(await kept`select answer from public.kept`).toEqual([{ answer: 7 }]);
    await kept.end();
  });

  it("leaves no process behind when it is killed, and starts again on the same data", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const [base_port, data] = [await findFreeBase(), newFolder()];
    const killed = start(base_port, data);
    const { credentials } = await killed.ready();
    const parts = partsOf(base_port, data);
    for (const { pid } of processesNaming(`--data\0${data}`)) process.kill(pid, "SIGKILL");
    await killed.exited;
    await Promise.all(parts.map(({ pid }) => gone(pid)));
    expect((await start(base_port, data).ready()).credentials).toEqual(credentials);
  });

  it("runs twice at the same time, with accounts and data apart", { timeout: TIMEOUT_MS }, async () => {
    const one = { base_port: await findFreeBase(20_000, 25_000), data: newFolder() };
    const two = { base_port: await findFreeBase(25_000, 30_000), data: newFolder() };
    const [first, second] = await Promise.all(
      [one, two].map(({ base_port, data }) => start(base_port, data).ready()),
    );
    expect(first?.credentials.project_id).not.toBe(second?.credentials.project_id);
    const sql = postgres(second?.database_url ?? "", { max: 1 });
    const projects =
      await sql`select id from public.projects where id = ${first?.credentials.project_id ?? ""}`;
    await sql.end();
    expect(projects).toHaveLength(0);
  });

  it("names a part that dies, and brings it back", { timeout: TIMEOUT_MS }, async () => {
    const [base_port, data] = [await findFreeBase(), newFolder()];
    const cli = start(base_port, data);
    const { urls } = await cli.ready();
    const [inbox] = processesNaming(`WEB_PORT=${portsFrom(base_port).inbox}`);
    const [api] = processesNaming(`--port=${portsFrom(base_port).functions.api}`);
    process.kill(inbox?.pid ?? 0, "SIGKILL");
    process.kill(api?.pid ?? 0, "SIGKILL");
    expect(await cli.said("The mail inbox died")).toContain("SIGKILL");
    expect(await cli.said("The function api died")).toContain("SIGKILL");
    await Promise.all([cli.said("The mail inbox is back"), cli.said("The function api is back")]);
    expect((await fetch(urls.inbox, { headers: BROWSER })).status).toBe(200);
    expect((await fetch(`${urls.api}/health`)).status).toBe(200);
  });

  it("survives the death of its database", { timeout: TIMEOUT_MS }, async () => {
    const [base_port, data] = [await findFreeBase(), newFolder()];
    const cli = start(base_port, data);
    const { urls, keys } = await cli.ready();
    const [server] = processesNaming(`-D\0${data}/postgres`);
    process.kill(server?.pid ?? 0, "SIGKILL");
    await cli.said("PostgreSQL is back");
    const users = await fetch(`${urls.gateway}/rest/v1/users?select=id`, {
      headers: { apikey: keys.secret },
    });
    expect(users.status).toBe(200);
  });
});
