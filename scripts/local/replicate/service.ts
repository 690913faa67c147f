import type { BoundedLog } from "./bounded-log.ts";
import type { FaultRules } from "./faults.ts";
import type { PredictionRunner } from "./prediction-runner.ts";
import type { PredictionStore } from "./prediction-store.ts";
import type { WebhookSender } from "./webhook-sender.ts";

export type Log = (level: "info" | "error", message: string, fields?: Record<string, unknown>) => void;

/** One call of the API. `status` is null until it is answered, 0 when the connection was cut instead. */
export type Call = {
  at: string;
  call: "create" | "get" | "cancel";
  path: string;
  model: string | null;
  prediction_id: string | null;
  prompt: string | null;
  status: number | null;
};

/** What every route may use. */
export type Service = {
  url: string;
  api_token: string;
  webhook_secret: string;
  store: PredictionStore;
  runner: PredictionRunner;
  webhooks: WebhookSender;
  faults: FaultRules;
  calls: BoundedLog<Call>;
  log: Log;
};
