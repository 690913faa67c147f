import { createHash, randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { imageSize } from "image-size";
import type { Prediction, WebhookEventType } from "replicate";
import { type Entry, findFault } from "./faults.ts";
import type { Job } from "./job.ts";
import type { Log } from "./log.ts";
import type { Model } from "./models.ts";
import { render } from "./render.ts";
import type { WebhookSender } from "./webhook-sender.ts";

type Wanted = {
  input: Record<string, unknown>;
  version?: string | undefined;
  webhook?: string | undefined;
  webhook_events_filter?: WebhookEventType[] | undefined;
};
type Settings = { webhooks: WebhookSender; predictionMs: number; maxPredictions: number; log: Log };

/** The `error` of a prediction that is meant to fail, in the words of the real service. */
class PredictionError extends Error {}

const maxFiles = 200;
const steps = 10;
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const newId = () => Array.from({ length: 26 }, () => alphabet[randomInt(32)]).join("");

/** Takes predictions from starting through processing to one final state. Keeps the newest, in memory. */
export class Predictions {
  /** Base address of the server, without a slash at the end. */
  url = "";
  readonly #settings: Settings;
  readonly #jobs = new Map<string, Job>();
  readonly #files = new Map<string, Buffer>();

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  create(model: Model, { input, version, ...webhook }: Wanted, prompt: string, faults: Entry[]): Job {
    const id = newId();
    const get = `${this.url}/v1/predictions/${id}`;
    const prediction: Prediction = {
      id,
      model: model.id,
      version: model.version ?? "hidden",
      input,
      logs: "",
      output: null,
      error: null,
      source: "api",
      status: "starting",
      created_at: new Date().toISOString(),
      ...({ started_at: null, completed_at: null, data_removed: false } as object),
      ...webhook,
      urls: { get, cancel: `${get}/cancel` },
    } as Prediction;
    const { promise, resolve } = Promise.withResolvers<void>();
    const job = {
      prediction,
      model,
      prompt,
      faults,
      abort: new AbortController(),
      ended: promise,
      end: resolve,
    };
    this.#jobs.set(id, job);
    for (const [oldest, { abort }] of this.#jobs) {
      if (this.#jobs.size <= this.#settings.maxPredictions) break;
      abort.abort();
      this.#jobs.delete(oldest);
    }
    void this.#run(job);
    return job;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** Newest first. */
  list(): Prediction[] {
    return [...this.#jobs.values()].reverse().map(({ prediction }) => prediction);
  }

  /** The output at a path of this server. */
  file(path: string): Buffer | undefined {
    return this.#files.get(path);
  }

  /** No effect on a terminal prediction. */
  cancel(job: Job): void {
    job.abort.abort();
    this.#finish(job, { status: "canceled" });
  }

  close(): void {
    for (const { abort } of this.#jobs.values()) abort.abort();
  }

  async #run(job: Job): Promise<void> {
    try {
      this.#finish(job, { status: "succeeded", output: await this.#predict(job) });
    } catch (error) {
      if (job.abort.signal.aborted) return;
      const isKnown = error instanceof PredictionError;
      if (!isKnown) this.#settings.log("error", "prediction broke", { error: String(error) });
      this.#finish(job, { status: "failed", error: isKnown ? error.message : "Unknown error (E1000)" });
    }
  }

  async #predict(job: Job): Promise<string | string[]> {
    const { prediction, model, faults, prompt, abort } = job;
    const { signal } = abort;
    const { webhooks, predictionMs } = this.#settings;
    const total = findFault(faults, "slow")?.ms ?? predictionMs;
    await pause(total * 0.15, undefined, { signal });
    Object.assign(prediction, { status: "processing", started_at: new Date().toISOString() });
    webhooks.send(job, "start");

    const input = prediction.input as Record<string, unknown>;
    const addresses = model.images.flatMap((name) => [input[name] ?? []].flat() as string[]);
    const images = await Promise.all(addresses.map((address) => loadImage(address, signal)));
    const seed = seedOf(input.seed, prompt);
    prediction.logs = `Using seed: ${seed}\n`;
    for (let step = 1; step <= steps; step++) {
      await pause((total * 0.85) / steps, undefined, { signal });
      prediction.logs += progressLine(step, total * 0.85);
      if (step === steps / 2 && findFault(faults, "stall")) await untilAborted(signal);
    }
    const failure = findFault(faults, "fail")?.error ?? (findFault(faults, "nsfw") && model.refusal);
    if (failure) throw new PredictionError(failure);

    const count = model.count ? Number(input[model.count] ?? 1) : 1;
    const urls = Array.from({ length: count }, (_, index) => {
      const path = `/files/${prediction.id}/out-${index}.png`;
      this.#keep(path, render({ prompt, images, index, seed, ...sizeOf(input, images) }));
      return this.url + path;
    });
    prediction.output = model.count ? urls : urls[0];
    webhooks.send(job, "output");
    return prediction.output;
  }

  #keep(path: string, file: Buffer): void {
    this.#files.set(path, file);
    const [oldest = ""] = this.#files.keys();
    if (this.#files.size > maxFiles) this.#files.delete(oldest);
  }

  #finish(job: Job, result: Partial<Prediction>): void {
    const { prediction } = job;
    if (prediction.completed_at) return;
    const seconds = (since: string) => Math.max(1, Date.now() - Date.parse(since)) / 1000;
    const { created_at, started_at } = prediction;
    const metrics = {
      total_time: seconds(created_at),
      ...(started_at ? { predict_time: seconds(started_at) } : {}),
    };
    Object.assign(prediction, { ...result, metrics, completed_at: new Date().toISOString() });
    this.#settings.log("info", "prediction", { id: prediction.id, status: prediction.status });
    this.#settings.webhooks.send(job, "completed");
    job.end();
  }
}

/** Bytes of a `data:` or `http(s):` address, which the service fetches too. */
async function loadImage(address: string, signal: AbortSignal): Promise<Buffer> {
  const response = await fetch(address, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
  }).catch((cause) => {
    throw new PredictionError(`Max retries exceeded with url: ${address}`, { cause });
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok) {
    throw new PredictionError(`${response.status} Client Error: ${response.statusText} for url: ${address}`);
  }
  try {
    imageSize(bytes);
  } catch (cause) {
    throw new PredictionError("cannot identify image file <_io.BytesIO object>", { cause });
  }
  return bytes;
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  signal.throwIfAborted();
}

/** What most models write at each step: ` 40%|████      | 4/10 [00:04<00:06,  1.00it/s]`, the line of tqdm. */
function progressLine(step: number, totalMs: number): string {
  const stepMs = totalMs / steps;
  const clock = (count: number) => new Date(count * stepMs).toISOString().slice(14, 19);
  const percent = String((100 * step) / steps).padStart(3);
  const bar = "█".repeat(step).padEnd(steps);
  const rate = (1000 / Math.max(stepMs, 1)).toFixed(2);
  return `${percent}%|${bar}| ${step}/${steps} [${clock(step)}<${clock(steps - step)}, ${rate.padStart(5)}it/s]\n`;
}

/** The input's seed, else one of the prompt, so that the same prompt gives the same picture. */
function seedOf(seed: unknown, prompt: string): number {
  return typeof seed === "number" ? seed : createHash("sha256").update(prompt).digest().readUInt16BE(0);
}

/** About 512 x 512 in the wanted aspect, or the wanted size, with no side over 1024. */
function sizeOf({ width, height, aspect_ratio }: Record<string, unknown>, images: Buffer[]) {
  if (typeof width === "number" && typeof height === "number")
    return { width: side(width), height: side(height) };
  const [across, down] = String(aspect_ratio).split(":").map(Number);
  const size = images[0] ? imageSize(images[0]) : { width: 1, height: 1 };
  const ratio = Math.min(4, Math.max(0.25, across && down ? across / down : size.width / size.height));
  return { width: side(512 * Math.sqrt(ratio)), height: side(512 / Math.sqrt(ratio)) };
}

const side = (pixels: number) => Math.min(1024, Math.max(64, Math.round(pixels / 8) * 8));
