import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { imageSize } from "./image-file.ts";
import { InputImageError, loadInputImage } from "./input-image.ts";
import { type Input, imageAddresses, outputCount } from "./models.ts";
import { isTerminal, type Job, type PredictionStore, type Status } from "./prediction-store.ts";
import { render } from "./render.ts";
import type { Log } from "./service.ts";
import type { WebhookSender } from "./webhook-sender.ts";

const STEPS = 10;

/** The `error` of a prediction that is meant to fail. */
class ModelError extends Error {}

type RunnerSettings = {
  store: PredictionStore;
  webhooks: WebhookSender;
  prediction_ms: number;
  /** Base address of the server, without a slash at the end. */
  url: () => string;
  log: Log;
};

/** Takes predictions through their states: starting, processing, then one terminal state, never another. */
export class PredictionRunner {
  private readonly settings: RunnerSettings;

  constructor(settings: RunnerSettings) {
    this.settings = settings;
  }

  async run(job: Job): Promise<void> {
    const { signal } = job.abort;
    try {
      const output = await this.predict(job, signal);
      this.finish(job, "succeeded", { output });
    } catch (error) {
      if (signal.aborted) return;
      const known = error instanceof ModelError || error instanceof InputImageError;
      if (!known) this.settings.log("error", "prediction broke", { error: String(error) });
      this.finish(job, "failed", { error: known ? error.message : "Unknown error (E1000)" });
    }
  }

  /** No effect on a terminal prediction. */
  cancel(job: Job, status: "canceled" | "aborted" = "canceled"): void {
    job.abort.abort();
    this.finish(job, status, {});
  }

  private async predict(job: Job, signal: AbortSignal): Promise<string | string[]> {
    const { prediction, model, input, faults } = job;
    const total = faults.find("slow")?.ms ?? this.settings.prediction_ms;
    const seed = seedOf(input);
    await pause(total * 0.15, undefined, { signal });
    Object.assign(prediction, { status: "processing", started_at: new Date().toISOString() });
    this.settings.webhooks.send(job, "start");
    this.addLog(job, `Using seed: ${seed}\n`);

    const images = await Promise.all(imageAddresses(model, input).map((url) => loadInputImage(url, signal)));
    const failure = faults.find("fail")?.error ?? (faults.find("nsfw") ? model.moderation : undefined);
    const began = Date.now();
    for (let step = 1; step <= STEPS; step++) {
      await pause((total * 0.85) / STEPS, undefined, { signal });
      this.addLog(job, progressLine(step, Date.now() - began));
      if (step === STEPS / 2 && failure) throw new ModelError(failure);
      if (step === STEPS / 2 && faults.find("stall")) await untilAborted(signal);
    }
    const urls: string[] = [];
    for (let index = 0; index < outputCount(model, input); index++) {
      const file = await render({ prompt: input.prompt, images, index, seed, ...sizeOf(input, images) });
      signal.throwIfAborted();
      job.files.set(`out-${index}.png`, file);
      urls.push(`${this.settings.url()}/files/${prediction.id}/out-${index}.png`);
    }
    this.settings.store.evict();
    signal.throwIfAborted();
    prediction.output = model.output === "many" ? urls : (urls[0] as string);
    this.settings.webhooks.send(job, "output");
    return prediction.output;
  }

  private addLog(job: Job, text: string): void {
    job.prediction.logs += text;
    this.settings.webhooks.send(job, "logs");
  }

  private finish(job: Job, status: Status, result: { output?: string | string[]; error?: string }): void {
    if (isTerminal(job)) return;
    const { prediction } = job;
    const now = Date.now();
    const seconds = (since: string) => Math.max(1, now - Date.parse(since)) / 1000;
    prediction.metrics = { total_time: seconds(prediction.created_at) };
    if (prediction.started_at) prediction.metrics.predict_time = seconds(prediction.started_at);
    if (status === "succeeded") prediction.metrics.image_count = job.files.size;
    Object.assign(prediction, { status, completed_at: new Date(now).toISOString(), ...result });
    this.settings.log("info", "prediction", { id: prediction.id, status, error: prediction.error });
    this.settings.webhooks.send(job, "completed");
    job.finish();
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  signal.throwIfAborted();
}

/** One line of tqdm: ` 40%|████      | 4/10 [00:00<00:01,  4.10it/s]`. */
function progressLine(step: number, elapsed_ms: number): string {
  const rate = step / Math.max(0.001, elapsed_ms / 1000);
  const left = (STEPS - step) / rate;
  const clock = (s: number) =>
    `${String(Math.floor(s / 60)).padStart(2, "0")}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
  const percent = String(Math.round((100 * step) / STEPS)).padStart(3);
  const bar = "█".repeat(step).padEnd(STEPS);
  return `${percent}%|${bar}| ${step}/${STEPS} [${clock(elapsed_ms / 1000)}<${clock(left)}, ${rate.toFixed(2).padStart(5)}it/s]\n`;
}

/** The input's seed; else one by the prompt, where the service draws one, so that a picture can be had again. */
function seedOf(input: Input): number {
  if (typeof input.seed === "number") return input.seed;
  return createHash("sha256").update(input.prompt).digest().readUInt16BE(0);
}

/** About 512 x 512 in the wanted aspect, or the wanted size, with no side over 1024. */
function sizeOf(input: Input, images: Buffer[]): { width: number; height: number } {
  const { width, height } = input;
  if (typeof width === "number" && typeof height === "number" && width > 0 && height > 0) {
    const scale = Math.min(1, 1024 / Math.max(width, height));
    return { width: side(width * scale), height: side(height * scale) };
  }
  const ratio = aspectOf(input.aspect_ratio, images);
  return { width: side(512 * Math.sqrt(ratio)), height: side(512 / Math.sqrt(ratio)) };
}

const side = (pixels: number) => Math.min(1024, Math.max(64, Math.round(pixels / 8) * 8));

function aspectOf(wanted: unknown, images: Buffer[]): number {
  const [across, down] = String(wanted ?? "match_input_image")
    .split(":")
    .map(Number);
  const size = images[0] && imageSize(images[0]);
  const ratio = across && down ? across / down : size ? size.width / size.height : 1;
  return Math.min(4, Math.max(0.25, ratio));
}
