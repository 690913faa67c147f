import { createHash, randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { imageSize } from "image-size";
import type { Prediction, WebhookEventType } from "replicate";
import { findFault } from "./faults.ts";
import type { Asked, Job, Log } from "./job.ts";
import { render } from "./render.ts";
import type { WebhookSender } from "./webhook-sender.ts";

type Wanted = {
  input: Record<string, unknown>;
  webhook?: string | undefined;
  webhook_events_filter?: WebhookEventType[] | undefined;
};
type Settings = { webhooks: WebhookSender; predictionMs: number; maxPredictions: number; log: Log };

/** The `error` of a prediction that shall fail, in the words of the real service. */
class PredictionError extends Error {}

const maxFiles = 200;
const steps = 10;
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const newId = () => Array.from({ length: 26 }, () => alphabet[randomInt(32)]).join("");

export type Predictions = ReturnType<typeof makePredictions>;

/** Runs predictions from `starting` through `processing` to one final state. Keeps the newest ones in memory. */
export function makePredictions({ webhooks, predictionMs, maxPredictions, log }: Settings) {
  const jobs = new Map<string, Job>();
  const files = new Map<string, Buffer>();

  async function run(job: Job): Promise<void> {
    try {
      finish(job, { status: "succeeded", output: await predict(job) });
    } catch (error) {
      if (job.abort.signal.aborted) return;
      const isKnown = error instanceof PredictionError;
      if (!isKnown) log("error", "prediction broke", { error: String(error) });
      finish(job, { status: "failed", error: isKnown ? error.message : "Unknown error (E1000)" });
    }
  }

  async function predict(job: Job): Promise<string | string[]> {
    const { prediction, model, faults, prompt, origin } = job;
    const { signal } = job.abort;
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
      // Most models write such a line at each step, as tqdm does.
      prediction.logs += `${String(step * 10).padStart(3)}%|${"█".repeat(step).padEnd(steps)}| ${step}/${steps}\n`;
      if (step === steps / 2 && findFault(faults, "stall")) await pause(2 ** 31 - 1, undefined, { signal });
    }
    const failure = findFault(faults, "fail")?.error ?? (findFault(faults, "nsfw") && model.refusal);
    if (failure) throw new PredictionError(failure);

    const count = model.count ? Number(input[model.count] ?? 1) : 1;
    const urls = Array.from({ length: count }, (_, index) => {
      const path = `/files/${prediction.id}/out-${index}.png`;
      files.set(path, render({ prompt, images, index, seed, ...sizeOf(input, images) }));
      if (files.size > maxFiles) files.delete(files.keys().next().value ?? "");
      return origin + path;
    });
    const output = model.count ? urls : (urls[0] ?? "");
    prediction.output = output;
    webhooks.send(job, "output");
    return output;
  }

  function finish(job: Job, result: Partial<Prediction>): void {
    const { prediction } = job;
    if (prediction.completed_at) return;
    const seconds = (since: string) => Math.max(1, Date.now() - Date.parse(since)) / 1000;
    const { created_at, started_at } = prediction;
    const metrics = {
      total_time: seconds(created_at),
      ...(started_at ? { predict_time: seconds(started_at) } : {}),
    };
    Object.assign(prediction, { ...result, metrics, completed_at: new Date().toISOString() });
    log("info", "prediction", { id: prediction.id, status: prediction.status });
    webhooks.send(job, "completed");
    job.end();
  }

  return {
    create(asked: Asked, { input, webhook, webhook_events_filter }: Wanted): Job {
      const id = newId();
      const get = `${asked.origin}/v1/predictions/${id}`;
      const prediction = {
        id,
        model: asked.model.id,
        version: asked.model.version ?? "hidden",
        input,
        logs: "",
        output: null,
        error: null,
        source: "api",
        status: "starting",
        created_at: new Date().toISOString(),
        started_at: null,
        completed_at: null,
        data_removed: false,
        ...(webhook === undefined ? {} : { webhook, webhook_events_filter }),
        urls: { get, cancel: `${get}/cancel` },
      } as unknown as Prediction;
      const { promise: ended, resolve: end } = Promise.withResolvers<void>();
      const job = { ...asked, prediction, abort: new AbortController(), ended, end };
      jobs.set(id, job);
      const [oldest] = jobs.values();
      if (oldest !== undefined && jobs.size > maxPredictions) {
        oldest.abort.abort();
        jobs.delete(oldest.prediction.id);
      }
      void run(job);
      return job;
    },
    get: (id: string): Job | undefined => jobs.get(id),
    /** Newest first. */
    list: (): Prediction[] => [...jobs.values()].reverse().map(({ prediction }) => prediction),
    /** The output file at a path of this server. */
    file: (path: string): Buffer | undefined => files.get(path),
    /** Has no effect on a finished prediction. */
    cancel(job: Job): void {
      job.abort.abort();
      finish(job, { status: "canceled" });
    },
    close(): void {
      for (const { abort } of jobs.values()) abort.abort();
    },
  };
}

/** The bytes of a `data:` or `http(s):` URL, which the real service fetches too. */
async function loadImage(address: string, signal: AbortSignal): Promise<Buffer> {
  const response = await fetch(address, {
    signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
  }).catch((cause) => {
    throw new PredictionError(`Max retries exceeded with url: ${address}`, { cause });
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (!response.ok)
    throw new PredictionError(`${response.status} Client Error: ${response.statusText} for url: ${address}`);
  try {
    imageSize(bytes);
  } catch (cause) {
    throw new PredictionError("cannot identify image file <_io.BytesIO object>", { cause });
  }
  return bytes;
}

/** The input's seed, else one of the prompt, so that the same prompt gives the same picture. */
function seedOf(seed: unknown, prompt: string): number {
  return typeof seed === "number" ? seed : createHash("sha256").update(prompt).digest().readUInt16BE(0);
}

/** About 512 x 512 in the requested aspect ratio, or the requested size. No side is over 1024. */
function sizeOf({ width, height, aspect_ratio }: Record<string, unknown>, images: Buffer[]) {
  if (typeof width === "number" && typeof height === "number")
    return { width: side(width), height: side(height) };
  const [across, down] = String(aspect_ratio).split(":").map(Number);
  const size = images[0] ? imageSize(images[0]) : { width: 1, height: 1 };
  const ratio = Math.min(4, Math.max(0.25, across && down ? across / down : size.width / size.height));
  return { width: side(512 * Math.sqrt(ratio)), height: side(512 / Math.sqrt(ratio)) };
}

const side = (pixels: number) => Math.min(1024, Math.max(64, Math.round(pixels / 8) * 8));
