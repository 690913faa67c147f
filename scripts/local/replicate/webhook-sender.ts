import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { type Entry, findFault } from "./faults.ts";
import type { Job } from "./job.ts";
import type { Log } from "./log.ts";

type WebhookEvent = "start" | "output" | "completed";

/** One attempt. `status` is the receiver's, null when there was none. */
type Delivery = {
  prediction_id: string;
  prompt: string;
  prediction_status: string;
  event: WebhookEvent;
  webhook_id: string;
  attempt: number;
  status: number | null;
  error: string | null;
  fault: "lost" | "forged" | "stale" | null;
};
type Message = { job: Job; event: WebhookEvent; id: string; body: string; url: string; status: string };

/** Waits between the tries of the last event. Other events are tried once. */
type Settings = { secret: string; retryMs: number[]; log: Log };

const maxEntries = 5000;
const timeoutMs = 10_000;

/** The list, with room for one more: the oldest entry goes. */
export function bounded<T>(entries: T[]): T[] {
  if (entries.length >= maxEntries) entries.shift();
  return entries;
}

export class WebhookSender {
  readonly deliveries: Delivery[] = [];
  readonly #settings: Settings;
  readonly #signer: Webhook;
  readonly #forger = new Webhook(`whsec_${randomBytes(24).toString("base64")}`);
  readonly #closing = new AbortController();
  /** One queue a prediction: its events arrive in the order in which they happened. */
  readonly #queues = new WeakMap<Job["prediction"], Promise<void>>();
  readonly #held = new WeakMap<Job["prediction"], Message[]>();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#signer = new Webhook(settings.secret);
  }

  send(job: Job, event: WebhookEvent): void {
    const { prediction, faults } = job;
    const { webhook: url, webhook_events_filter: wanted = ["output", "completed"] } = prediction;
    if (!url || !wanted.includes(event)) return;
    const id = `msg_${randomBytes(20).toString("base64url")}`;
    const message = { job, event, id, body: JSON.stringify(prediction), url, status: prediction.status };
    const held = this.#held.get(prediction) ?? [];
    if (findFault(faults, "reorder_webhooks") && event !== "completed") {
      this.#held.set(prediction, [...held, message]);
      return;
    }
    for (const next of [message, ...held]) {
      const before = this.#queues.get(prediction) ?? Promise.resolve();
      this.#queues.set(
        prediction,
        before.then(() => this.#deliver(next)),
      );
    }
  }

  close(): void {
    this.#closing.abort();
  }

  async #deliver(message: Message): Promise<void> {
    const { faults } = message.job;
    const wait = faultOf("delay_webhook", faults, message)?.ms ?? 0;
    const copies = 1 + (faultOf("duplicate_webhook", faults, message)?.count ?? 0);
    try {
      await pause(wait, undefined, { signal: this.#closing.signal, ref: false });
      await Promise.all(Array.from({ length: copies }, () => this.#attempts(message)));
    } catch (error) {
      if (!this.#closing.signal.aborted)
        this.#settings.log("error", "webhook broke", { error: String(error) });
    }
  }

  async #attempts(message: Message): Promise<void> {
    const { job, event, id: webhook_id, status: prediction_status } = message;
    const { prediction, prompt, faults } = job;
    const is_lost = faultOf("lose_webhook", faults, message) !== undefined;
    const is_forged = faultOf("forge_webhook", faults, message) !== undefined;
    const age_seconds = faultOf("stale_webhook", faults, message)?.age_seconds;
    const fault = is_lost ? "lost" : is_forged ? "forged" : age_seconds ? "stale" : null;
    const waits = event === "completed" && fault === null ? this.#settings.retryMs : [];
    for (let attempt = 1; ; attempt++) {
      const what = { prediction_id: prediction.id, prompt, prediction_status, event, webhook_id, attempt };
      const delivery: Delivery = { ...what, status: null, error: null, fault };
      bounded(this.deliveries).push(delivery);
      const signer = is_forged ? this.#forger : this.#signer;
      if (!is_lost) await this.#post(message, signer, age_seconds ?? 0, delivery);
      this.#settings.log("info", "webhook", { ...delivery, prompt: undefined });
      const isAccepted = delivery.status !== null && delivery.status >= 200 && delivery.status < 300;
      const wait = waits[attempt - 1];
      if (isAccepted || wait === undefined) return;
      await pause(wait, undefined, { signal: this.#closing.signal, ref: false });
    }
  }

  async #post(
    { id, body, url }: Message,
    signer: Webhook,
    ageSeconds: number,
    delivery: Delivery,
  ): Promise<void> {
    const sentAt = new Date(Date.now() - ageSeconds * 1000);
    try {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1000)),
          "webhook-signature": signer.sign(id, sentAt, body),
        },
        body,
      });
      await response.body?.cancel();
      delivery.status = response.status;
    } catch (error) {
      delivery.error = String((error as Error).cause ?? error);
    }
  }
}

/** A fault of this message's event. */
function faultOf(kind: Parameters<typeof findFault>[1], faults: Entry[], { event }: Message) {
  const fault = findFault(faults, kind);
  return fault?.event === event ? fault : undefined;
}
