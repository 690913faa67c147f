import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { GenerationRow } from "../generations/store.ts";
import type { User } from "../users/schemas.ts";
import type { Deliveries, Delivery, Webhook, WebhookChanges, WebhookFields } from "./schemas.ts";

/** A due event. `generation` and `user` have their current state, or null when they are deleted or not its subject. */
export type DueEvent = {
  id: string;
  event: string;
  project_id: string;
  subject_id: string;
  facts: Record<string, string | number | null>;
  attempts: number;
  occurred_at: string;
  url: string;
  secrets: string[];
  generation: GenerationRow | null;
  user: User | null;
};

export const createWebhook = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  webhook: WebhookFields & { secret: string },
) => db.write<Webhook>("create_webhook", [credentials, projectId, webhook]);

export const listWebhooks = (db: Database, credentials: Credentials, projectId: string) =>
  db.read<Webhook[]>("list_webhooks", [credentials, projectId]);

export const updateWebhook = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  webhookId: string,
  changes: WebhookChanges,
) => db.write<Webhook>("update_webhook", [credentials, projectId, webhookId, changes]);

export const rotateSecret = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  webhookId: string,
  secret: string,
  graceSeconds: number,
) => db.write<Webhook>("rotate_webhook_secret", [credentials, projectId, webhookId, secret, graceSeconds]);

export const deleteWebhook = (db: Database, credentials: Credentials, projectId: string, webhookId: string) =>
  db.write<null>("delete_webhook", [credentials, projectId, webhookId]);

export const sendTestEvent = (db: Database, credentials: Credentials, projectId: string, webhookId: string) =>
  db.write<Delivery>("send_test_event", [credentials, projectId, webhookId]);

export const listDeliveries = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  webhookId: string,
  { status, page, page_size }: { status: string | null; page: number; page_size: number },
) => db.read<Deliveries>("list_deliveries", [credentials, projectId, webhookId, status, page, page_size]);

export const replayDelivery = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  webhookId: string,
  deliveryId: string,
) => db.write<Delivery>("replay_delivery", [credentials, projectId, webhookId, deliveryId]);

export const claimDeliveries = (db: Database, batchSize: number) =>
  db.write<DueEvent[]>("claim_deliveries", [batchSize]);

export const finishDelivery = (db: Database, id: string, status: number) =>
  db.write<null>("finish_delivery", [id, status]);

export type Failure = { status: number | null; error: string; wait_seconds: number | null; is_gone: boolean };

export const failDelivery = (db: Database, id: string, { status, error, wait_seconds, is_gone }: Failure) =>
  db.write<null>("fail_delivery", [id, status, error, wait_seconds, is_gone]);
