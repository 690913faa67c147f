import { randomInt } from "node:crypto";
import type { PredictionFaults } from "./faults.ts";
import type { Input, Model } from "./models.ts";

export type WebhookEvent = "start" | "output" | "logs" | "completed";
export type Status = "starting" | "processing" | "succeeded" | "failed" | "canceled" | "aborted";

/** The object as it goes over the wire. Times are ISO 8601, `metrics` in seconds. */
export type Prediction = {
  id: string;
  model: string;
  version: string;
  input: Record<string, unknown>;
  logs: string;
  output: string | string[] | null;
  data_removed: boolean;
  error: string | null;
  source: "api";
  status: Status;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  deadline?: string;
  metrics?: { predict_time?: number; total_time?: number; image_count?: number };
  webhook?: string;
  webhook_events_filter?: WebhookEvent[];
  urls: { get: string; cancel: string; stream: string; web: string };
};

/** A prediction with what the server knows about it. */
export type Job = {
  prediction: Prediction;
  model: Model;
  input: Input;
  faults: PredictionFaults;
  abort: AbortController;
  /** Settles when the prediction is terminal. */
  finished: Promise<void>;
  finish: () => void;
  files: Map<string, Buffer>;
};

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
export const predictionId = () => Array.from({ length: 26 }, () => ALPHABET[randomInt(32)]).join("");

export const isTerminal = ({ prediction }: Job) => prediction.completed_at !== null;

type StoreLimits = { jobs: number; bytes: number; file_ttl_ms: number };

/** In memory and bounded: the oldest finished job goes first, and data goes an hour after completion. */
export class PredictionStore {
  private readonly jobs = new Map<string, Job>();
  private readonly limits: StoreLimits;

  constructor(limits: StoreLimits) {
    this.limits = limits;
  }

  add(job: Job): void {
    this.jobs.set(job.prediction.id, job);
    this.evict();
  }

  get(id: string): Job | undefined {
    const job = this.jobs.get(id);
    if (job) this.expire(job);
    return job;
  }

  /** Newest first. */
  list(): Job[] {
    this.expireAll();
    return [...this.jobs.values()].reverse();
  }

  expireAll(): void {
    for (const job of this.jobs.values()) this.expire(job);
  }

  /** Call after a job has grown. */
  evict(): void {
    while (this.jobs.size > 1 && (this.jobs.size > this.limits.jobs || this.bytes() > this.limits.bytes)) {
      const jobs = [...this.jobs.values()];
      // Only unfinished ones are left when somebody lets everything stall.
      const oldest = jobs.find(isTerminal) ?? (jobs[0] as Job);
      oldest.abort.abort();
      oldest.finish();
      this.jobs.delete(oldest.prediction.id);
    }
  }

  private expire(job: Job): void {
    const { prediction, files } = job;
    if (prediction.data_removed || prediction.completed_at === null) return;
    if (Date.now() - Date.parse(prediction.completed_at) < this.limits.file_ttl_ms) return;
    Object.assign(prediction, { data_removed: true, input: {}, output: null, logs: "" });
    // Fault rules still match by the prompt; images in the input are let go.
    job.input = { prompt: job.input.prompt };
    files.clear();
  }

  private bytes(): number {
    let sum = 0;
    for (const { files, prediction } of this.jobs.values()) {
      for (const file of files.values()) sum += file.length;
      for (const value of Object.values(prediction.input).flat()) {
        if (typeof value === "string") sum += value.length;
      }
    }
    return sum;
  }
}
