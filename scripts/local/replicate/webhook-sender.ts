import { randomBytes, randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { BoundedLog } from "./bounded-log.ts";
import { isTerminal, type Job, type WebhookEvent } from "./prediction-store.ts";
import type { Log } from "./service.ts";

/** One attempt. `status` is the receiver's, null when there was none. */
type Delivery = {
  at: string;
  prediction_id: string;
  prompt: string;
  prediction_status: string;
  event: WebhookEvent;
  webhook_id: string;
  attempt: number;
  url: string;
  status: number | null;
  error: string | null;
  fault: "lost" | "forged" | "stale" | null;
};

type Message = { job: Job; event: WebhookEvent; id: string; body: string; url: string; status: string };
type Plan = {
  lost: boolean;
  forged: boolean;
  age_seconds: number;
  delay_ms: number;
  copies: number;
};

type WebhookSettings = {
  secret: string;
  /** Waits between the tries of a terminal event; other events are tried once. */
  retry_ms: number[];
  timeout_ms: number;
  log: Log;
};

/** The service sends `logs` at most this often. */
const LOGS_EVERY_MS = 500;

const ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const messageId = () => `msg_${Array.from({ length: 27 }, () => ID_ALPHABET[randomInt(62)]).join("")}`;

export class WebhookSender {
  readonly deliveries = new BoundedLog<Delivery>(5000);
  private readonly settings: WebhookSettings;
  private readonly signer: Webhook;
  private readonly forger = new Webhook(`whsec_${randomBytes(24).toString("base64")}`);
  private readonly closing = new AbortController();
  /** One queue a prediction: its events arrive in the order in which they happened. */
  private readonly queues = new WeakMap<Job, Promise<void>>();
  private readonly held = new WeakMap<Job, Message[]>();
  private readonly last_logs_at = new WeakMap<Job, number>();

  constructor(settings: WebhookSettings) {
    this.settings = settings;
    this.signer = new Webhook(settings.secret);
  }

  send(job: Job, event: WebhookEvent): void {
    const { prediction, faults } = job;
    const wanted = prediction.webhook_events_filter ?? ["output", "completed"];
    if (!prediction.webhook || !wanted.includes(event)) return;
    if (event === "logs") {
      if (Date.now() - (this.last_logs_at.get(job) ?? 0) < LOGS_EVERY_MS) return;
      this.last_logs_at.set(job, Date.now());
    }
    const body = JSON.stringify(prediction);
    const message = { job, event, id: messageId(), body, url: prediction.webhook, status: prediction.status };
    if (faults.find("reorder_webhooks") && !isTerminal(job)) {
      this.held.set(job, [...(this.held.get(job) ?? []), message]);
      return;
    }
    const late = isTerminal(job) ? (this.held.get(job) ?? []) : [];
    for (const next of [message, ...late]) {
      const before = this.queues.get(job) ?? Promise.resolve();
      this.queues.set(
        job,
        before.then(() => this.deliver(next)),
      );
    }
  }

  close(): void {
    this.closing.abort();
  }

  private async deliver(message: Message): Promise<void> {
    const plan = planFor(message);
    try {
      await pause(plan.delay_ms, undefined, { signal: this.closing.signal, ref: false });
      await Promise.all(Array.from({ length: plan.copies }, () => this.attempts(message, plan)));
    } catch (error) {
      if (!this.closing.signal.aborted) this.settings.log("error", "webhook broke", { error: String(error) });
    }
  }

  private async attempts(message: Message, plan: Plan): Promise<void> {
    const genuine = !plan.lost && !plan.forged && plan.age_seconds === 0;
    const waits = message.event === "completed" && genuine ? this.settings.retry_ms : [];
    for (let attempt = 1; ; attempt++) {
      const delivery = this.deliveries.add(describe(message, plan, attempt));
      if (!plan.lost) await this.post(message, plan, delivery);
      this.settings.log("info", "webhook", { ...delivery, prompt: undefined });
      const accepted = delivery.status !== null && delivery.status >= 200 && delivery.status < 300;
      const wait = waits[attempt - 1];
      if (accepted || wait === undefined) return;
      await pause(wait, undefined, { signal: this.closing.signal, ref: false });
    }
  }

  private async post({ id, body, url }: Message, plan: Plan, delivery: Delivery): Promise<void> {
    const sent_at = new Date(Date.now() - plan.age_seconds * 1000);
    try {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(this.settings.timeout_ms)]),
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(sent_at.getTime() / 1000)),
          "webhook-signature": (plan.forged ? this.forger : this.signer).sign(id, sent_at, body),
        },
        body,
      });
      await response.body?.cancel();
      delivery.status = response.status;
    } catch (error) {
      delivery.error =
        error instanceof Error ? `${error.name}: ${error.cause ?? error.message}` : String(error);
    }
  }
}

function planFor({ job: { faults }, event }: Message): Plan {
  const delayed = faults.find("delay_webhook");
  const doubled = faults.find("duplicate_webhook");
  const stale = faults.find("stale_webhook");
  return {
    lost: faults.find("lose_webhook")?.event === event,
    forged: faults.find("forge_webhook")?.event === event,
    age_seconds: stale?.event === event ? stale.age_seconds : 0,
    delay_ms: delayed?.event === event ? delayed.ms : 0,
    copies: doubled?.event === event ? 1 + doubled.count : 1,
  };
}

function describe({ job, event, id, url, status }: Message, plan: Plan, attempt: number): Delivery {
  const kind = plan.lost ? "lost" : plan.forged ? "forged" : plan.age_seconds > 0 ? "stale" : null;
  return {
    at: new Date().toISOString(),
    prediction_id: job.prediction.id,
    prompt: job.input.prompt,
    prediction_status: status,
    event,
    webhook_id: id,
    attempt,
    url,
    status: null,
    error: null,
    fault: kind,
  };
}
