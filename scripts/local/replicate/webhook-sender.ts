import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { type FaultKind, findFault } from "./faults.ts";
import type { Job, Log } from "./job.ts";

type WebhookEvent = "start" | "output" | "completed";

/** One attempt. `status` is the receiver's, or null without an answer. */
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

/** `retryMs` has the waits between attempts at the final event. Other events are sent once. */
type Settings = { secret: string; retryMs: number[]; log: Log };

const maxEntries = 5000;
const timeoutMs = 10_000;

/** Removes the oldest entry of a full list, to make room for another one. */
export function bounded<T>(entries: T[]): T[] {
  if (entries.length >= maxEntries) entries.shift();
  return entries;
}

export type WebhookSender = ReturnType<typeof makeWebhookSender>;

/** Sends signed webhooks, those of one prediction in the order of its events. */
export function makeWebhookSender({ secret, retryMs, log }: Settings) {
  const deliveries: Delivery[] = [];
  const signer = new Webhook(secret);
  const forger = new Webhook(`whsec_${randomBytes(24).toString("base64")}`);
  const closing = new AbortController();
  const queues = new WeakMap<Job, Promise<void>>();
  const held = new WeakMap<Job, Message[]>();
  const wait = (ms: number) => pause(ms, undefined, { signal: closing.signal, ref: false });

  async function deliver(message: Message): Promise<void> {
    const copies = 1 + (faultOf("duplicate_webhook", message)?.count ?? 0);
    try {
      await wait(faultOf("delay_webhook", message)?.ms ?? 0);
      await Promise.all(Array.from({ length: copies }, () => attempts(message)));
    } catch (error) {
      if (!closing.signal.aborted) log("error", "webhook broke", { error: String(error) });
    }
  }

  async function attempts(message: Message): Promise<void> {
    const { job, event, id: webhook_id, status: prediction_status } = message;
    const { prediction, prompt } = job;
    const age_seconds = faultOf("stale_webhook", message)?.age_seconds;
    const is_forged = faultOf("forge_webhook", message) !== undefined;
    const is_lost = faultOf("lose_webhook", message) !== undefined;
    const fault = is_lost ? "lost" : is_forged ? "forged" : age_seconds ? "stale" : null;
    const waits = event === "completed" && fault === null ? retryMs : [];
    for (let attempt = 1; ; attempt++) {
      const what = { prediction_id: prediction.id, prompt, prediction_status, event, webhook_id, attempt };
      const delivery: Delivery = { ...what, status: null, error: null, fault };
      bounded(deliveries).push(delivery);
      if (!is_lost) await post(message, is_forged ? forger : signer, age_seconds ?? 0, delivery);
      log("info", "webhook", { ...delivery, prompt: undefined });
      const isAccepted = delivery.status !== null && delivery.status >= 200 && delivery.status < 300;
      const next = waits[attempt - 1];
      if (isAccepted || next === undefined) return;
      await wait(next);
    }
  }

  async function post({ id, body, url }: Message, by: Webhook, ageSeconds: number, delivery: Delivery) {
    const sentAt = new Date(Date.now() - ageSeconds * 1000);
    try {
      const response = await fetch(url, {
        method: "POST",
        redirect: "manual",
        signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1000)),
          "webhook-signature": by.sign(id, sentAt, body),
        },
        body,
      });
      await response.body?.cancel();
      delivery.status = response.status;
    } catch (error) {
      delivery.error = String((error as Error).cause ?? error);
    }
  }

  return {
    deliveries,
    send(job: Job, event: WebhookEvent): void {
      const { prediction, faults } = job;
      const { webhook: url, webhook_events_filter: wanted = ["output", "completed"] } = prediction;
      if (!url || !wanted.includes(event)) return;
      const id = `msg_${randomBytes(20).toString("base64url")}`;
      const message = { job, event, id, body: JSON.stringify(prediction), url, status: prediction.status };
      const before = held.get(job) ?? [];
      if (findFault(faults, "reorder_webhooks") && event !== "completed") {
        held.set(job, [...before, message]);
        return;
      }
      for (const next of [message, ...before])
        queues.set(
          job,
          (queues.get(job) ?? Promise.resolve()).then(() => deliver(next)),
        );
    },
    close: () => closing.abort(),
  };
}

/** The fault for the event of this message. */
function faultOf(kind: FaultKind, { job, event }: Message) {
  const fault = findFault(job.faults, kind);
  return fault?.event === event ? fault : undefined;
}
