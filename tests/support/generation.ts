import { randomUUID } from "node:crypto";
import { encode } from "fast-png";
import postgres from "postgres";
import { api, type Headed } from "./api.ts";
import { until } from "./until.ts";

/** The parts of a stack that the helpers use. It is the shared stack of `inject("stack")` or a test's own. */
export type GenerationTarget = {
  urls: { gateway: string; api: string; replicate?: string | undefined };
  keys: { cron_secret?: string };
  admin_database_url?: string | undefined;
};

export type Body = Record<string, any>;

/** A small valid PNG; different seeds give different bytes. */
export function photo(seed = 7, width = 64, height = 48): Blob {
  const data = new Uint8Array(width * height * 3).map((_, at) => (at * seed) % 256);
  return new Blob([encode({ width, height, channels: 3, data }) as BlobPart], { type: "image/png" });
}

export function formOf(instructions: string, files: Blob[] = [photo()], field = "files"): FormData {
  const form = new FormData();
  form.append("instructions", instructions);
  for (const [index, file] of files.entries()) form.append(field, file, `photo-${index}.png`);
  return form;
}

/** A unique prompt. It identifies the faults and calls of one test in the look-alike. */
export const freshPrompt = (words = "A lighthouse") => `${words} ${randomUUID()}`;

export class GenerationStack {
  readonly target: GenerationTarget;
  /** Connects as the superuser, since a test changes times and reads private tables. */
  sql: postgres.Sql;

  constructor(target: GenerationTarget) {
    this.target = target;
    this.sql = this.#connect();
  }

  /** Reconnects after a restart of the database. */
  async reconnect(): Promise<void> {
    void this.sql.end({ timeout: 0 }).catch(() => {});
    this.sql = this.#connect();
    await this.sql`select 1`;
  }

  #connect(): postgres.Sql {
    return postgres(this.target.admin_database_url ?? "", { max: 4, connect_timeout: 5, onnotice: () => {} });
  }

  close(): Promise<void> {
    return this.sql.end({ timeout: 2 });
  }

  /** POST /generation/generate-v2 with a prompt and no files. */
  sendCreate(prompt: string, headers: Headed, more: Record<string, unknown> = {}) {
    return api(`${this.target.urls.api}/generation/generate-v2`, { headers, json: { prompt, ...more } });
  }

  async makeGeneration(prompt: string, headers: Headed, more: Record<string, unknown> = {}): Promise<Body> {
    const { status, body } = await this.sendCreate(prompt, headers, more);
    if (status !== 200) throw new Error(`create: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  readStatus(id: string, headers: Headed, wait = 0) {
    return api(`${this.target.urls.api}/generation/${id}/status?wait=${wait}`, { headers });
  }

  /** The generation, once it has ended. */
  async waitForEnd(id: string, headers: Headed): Promise<Body> {
    const { status, body } = await this.readStatus(id, headers, 25);
    if (status !== 200 || ["pending", "processing"].includes(body.status))
      throw new Error(`not ended: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  /** Runs the reconciler, as pg_cron does each minute. */
  async reconcile(): Promise<Record<string, { checked: number; failed: number }>> {
    const { status, body } = await api(`${this.target.urls.api}/internal/reconcile`, {
      method: "POST",
      headers: { Authorization: `Bearer ${this.target.keys.cron_secret}` },
    });
    if (status !== 200) throw new Error(`reconcile: ${status} ${JSON.stringify(body)}`);
    return body.jobs;
  }

  /** Makes these generations due for the reconciler. */
  async makeDue(...ids: string[]): Promise<void> {
    await this.sql`update public.generations set next_check_at = now() - interval '1 second'
      where id in ${this.sql(ids)} and next_check_at is not null`;
  }

  /** Runs the reconciler until the generation has ended. */
  reconcileUntilEnd(id: string, headers: Headed): Promise<Body> {
    return until(`generation ${id} ends`, async () => {
      await this.makeDue(id);
      await this.reconcile();
      const { body } = await this.readStatus(id, headers);
      return ["completed", "failed", "canceled"].includes(body.status) && body;
    });
  }

  async addFault(match: string, fault: Record<string, unknown>, times?: number): Promise<void> {
    const response = await fetch(`${this.target.urls.replicate}/_faults`, {
      method: "POST",
      body: JSON.stringify({ match, fault, ...(times === undefined ? {} : { times }) }),
    });
    if (response.status !== 201) throw new Error(`fault: ${response.status} ${await response.text()}`);
  }

  /** The calls to the look-alike about a prompt or a prediction. */
  async callsAbout(match: string, call?: "create" | "get" | "cancel"): Promise<Body[]> {
    const response = await fetch(`${this.target.urls.replicate}/_calls?match=${encodeURIComponent(match)}`);
    const calls = (await response.json()) as Body[];
    return call === undefined ? calls : calls.filter((one) => one.call === call);
  }

  async webhooksAbout(match: string): Promise<Body[]> {
    const url = `${this.target.urls.replicate}/_webhooks?match=${encodeURIComponent(match)}`;
    return (await (await fetch(url)).json()) as Body[];
  }

  /** The generations that count against a project's monthly quota. */
  async chargesOf(projectId: string): Promise<number> {
    const rows = await this
      .sql`select generations from public.generation_usage where project_id = ${projectId}`;
    return Number(rows[0]?.generations ?? 0);
  }

  async rowOf(id: string): Promise<Body> {
    const [row] = await this.sql`select * from public.generations where id = ${id}`;
    return row as Body;
  }

  /** Objects in Storage whose path names the generation. */
  async filesOf(id: string): Promise<string[]> {
    const rows = await this.sql`select bucket_id || '/' || name as file from storage.objects
      where name like ${`%/${id}/%`} order by 1`;
    return rows.map(({ file }) => String(file));
  }

  /** Sets the project's plan. */
  async setPlan(projectId: string, plan: string): Promise<void> {
    await this.sql`update public.projects set plan_id = ${plan} where id = ${projectId}`;
  }
}
