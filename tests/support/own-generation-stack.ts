import { expect } from "vitest";
import { isAlive } from "../../scripts/local/lock.ts";
import type { StackOptions } from "../../scripts/local/stack.ts";
import { password } from "./api.ts";
import { type Body, GenerationStack } from "./generation.ts";
import { startTestStack, type TestStack } from "./stack.ts";
import { processesNaming } from "./stack-cli.ts";
import { until } from "./until.ts";

/** A stack whose parts a test may kill, with one end user in a project without limits. */
export class OwnGenerationStack extends GenerationStack {
  readonly own: TestStack;
  readonly project_id: string;
  readonly headers: Record<string, string>;

  private constructor(own: TestStack, projectId: string, headers: Record<string, string>) {
    super(own);
    this.own = own;
    this.project_id = projectId;
    this.headers = headers;
  }

  static async start(
    options: Pick<StackOptions, "function_env" | "durable"> = {},
  ): Promise<OwnGenerationStack> {
    const own = await startTestStack({
      replicate_env: { PREDICTION_MS: "400" },
      // Tests kill the parts often, so the restart delay stays short.
      last_backoff_ms: 250,
      reconciles: false,
      ...options,
    });
    const register = async (sent: Record<string, string>, email: string) => {
      const response = await fetch(`${own.urls.api}/auth/register`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...sent },
        body: JSON.stringify({ email, password }),
      });
      return (await response.json()) as Body;
    };
    const { provisioning } = await register(
      { "X-Operator-Key": own.credentials.operator_key },
      "developer@example.com",
    );
    const app = {
      "X-Developer-Key": provisioning.developer_key,
      "X-API-Key": provisioning.api_key,
      "X-Project-ID": provisioning.project_id,
    };
    const user = await register(app, "user@example.com");
    const headers = { ...app, Authorization: `Bearer ${user.access_token}` };
    const stack = new OwnGenerationStack(own, provisioning.project_id, headers);
    await stack.sql`insert into public.plans (id) values ('unlimited')`;
    await stack.setPlan(stack.project_id, "unlimited");
    return stack;
  }

  async stop(): Promise<void> {
    await this.close();
    await this.own.stop();
  }

  functionPid(): number {
    const words = `--port=${this.own.ports.functions.api}`;
    const found = processesNaming(words).find(({ name }) => name.includes("deno"));
    return found?.pid ?? 0;
  }

  /** Kills the function and waits until its supervisor has started another that answers. */
  async killFunction(): Promise<void> {
    const pid = this.functionPid();
    if (pid === 0) throw new Error("the function does not run");
    process.kill(pid, "SIGKILL");
    await until("the function is back", async () => this.functionPid() !== pid && (await this.isAnswering()));
  }

  async isAnswering(): Promise<boolean> {
    const response = await fetch(`${this.own.urls.api}/health`).catch(() => undefined);
    return response?.ok === true;
  }

  /** The current process; its supervisor may have restarted it. */
  async postgresPid(): Promise<number> {
    const [row] = await this
      .sql`select split_part(pg_read_file('postmaster.pid'), chr(10), 1)::integer as pid`;
    return row?.pid;
  }

  /** Shuts PostgreSQL down as an administrator would. Its supervisor restarts it. */
  async restartPostgres(): Promise<void> {
    const before = await this.postgresPid();
    process.kill(before, "SIGINT");
    await until("Postgres has ended", async () => !isAlive(before));
    await until("Postgres is back", () =>
      this.reconnect().then(
        () => true,
        () => false,
      ),
    );
    await until("the API reaches it", () => this.isAnswering());
  }

  makeOlder(id: string, interval: string) {
    return this.sql`update public.generations set created_at = created_at - ${interval}::interval,
      submitted_at = submitted_at - ${interval}::interval where id = ${id}`;
  }

  /** Runs the reconciler as if all files were an hour old. @returns the number of orphaned files that it deleted. */
  async deleteOrphans(): Promise<number> {
    await this.sql`update storage.objects set created_at = now() - interval '61 minutes'`;
    await this.sql`delete from private.job_runs`;
    const { orphan_files } = await this.reconcile();
    expect(orphan_files?.failed).toBe(0);
    return orphan_files?.checked ?? -1;
  }

  /** Checks a generation: it ended once, was sent at most once, is charged only if completed, and has exactly its files. */
  async expectSettled(id: string, prompt: string, status: string): Promise<Body> {
    const row = await this.rowOf(id);
    expect(row).toMatchObject({ status, charge: status === "completed" ? "committed" : "refunded" });
    expect((await this.callsAbout(prompt, "create")).length).toBeLessThanOrEqual(1);
    const ends = await this.sql`select kind from public.generation_events where generation_id = ${id}
      and kind in ('completed', 'failed', 'canceled')`;
    expect(ends.map(({ kind }) => kind)).toEqual([status]);
    const paths = [...row.example_images, ...row.outputs].map(({ path }: Body) => path).sort();
    const files = (await this.filesOf(id)).map((file) => file.replace(/^\w+\//, "")).sort();
    expect(files).toEqual(paths);
    const [count] = await this.sql`select count(*)::integer as charged from public.generations
      where project_id = ${this.project_id} and charge <> 'refunded'`;
    expect(await this.chargesOf(this.project_id)).toBe(count?.charged);
    return row;
  }
}
