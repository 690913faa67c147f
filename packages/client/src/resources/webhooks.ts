import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import { verifyWebhook } from "../verify-webhook.ts";
import type { Body, Query, Schema } from "../wire.ts";

const all = "/api/v1/projects/{project_id}/webhooks";
const one = `${all}/{webhook_id}` as const;

/** Webhooks, which send events of a project to your server. */
export class Webhooks {
  readonly #http: Http;
  /** Verifies a delivery and returns its event. `verifyWebhook` does the same without a client. */
  readonly verify = verifyWebhook;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a webhook. `secret` of the answer is shown only here and after `rotate`.
   * @throws ApiError webhook_limit_reached
   */
  create(
    projectId: string,
    body: Body<"webhooks.create">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"WebhookWithSecret">> {
    return this.#http.request("post", all, { params: { project_id: projectId }, body }, options);
  }

  /** All webhooks of the project, newest first. */
  list(projectId: string, options?: RequestOptions): List<Schema<"Webhook">> {
    return List.whole(() => this.#http.request("get", all, { params: { project_id: projectId } }, options));
  }

  /** Changes only the given fields. `{ is_active: true }` enables a disabled webhook. */
  update(
    projectId: string,
    webhookId: string,
    body: Body<"webhooks.update">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"Webhook">> {
    return this.#http.request(
      "patch",
      one,
      { params: { project_id: projectId, webhook_id: webhookId }, body },
      options,
    );
  }

  /** Creates a new secret. The old one also signs for `grace_seconds` (default 86,400, a day). */
  rotate(
    projectId: string,
    webhookId: string,
    body: Body<"webhooks.rotate"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"WebhookWithSecret">> {
    const init = { params: { project_id: projectId, webhook_id: webhookId }, body };
    return this.#http.request("post", `${one}/rotate`, init, options);
  }

  /** Deletes a webhook with its log and its waiting events. */
  delete(projectId: string, webhookId: string, options?: RequestOptions): ApiPromise<void> {
    return this.#http.request(
      "delete",
      one,
      { params: { project_id: projectId, webhook_id: webhookId } },
      options,
    );
  }

  /**
   * Sends an event of type `test`. `listDeliveries` shows its result.
   * @throws ApiError webhook_inactive
   */
  test(
    projectId: string,
    webhookId: string,
    options?: RequestOptions,
  ): ApiPromise<Schema<"WebhookDelivery">> {
    return this.#http.request(
      "post",
      `${one}/test`,
      { params: { project_id: projectId, webhook_id: webhookId } },
      options,
    );
  }

  /** The delivered, waiting and failed deliveries of 30 days, newest first. */
  listDeliveries(
    projectId: string,
    webhookId: string,
    query: Query<"webhooks.listDeliveries"> = {},
    options?: RequestOptions,
  ): List<Schema<"WebhookDelivery">> {
    return List.numbered(query, async (place) => {
      const { deliveries, total } = await this.#http.request(
        "get",
        `${one}/deliveries`,
        { params: { project_id: projectId, webhook_id: webhookId }, query: { ...query, ...place } },
        options,
      );
      return { items: deliveries, total };
    });
  }

  /**
   * Sends an event again, with the same `webhook-id`.
   * @throws ApiError delivery_not_found, webhook_inactive
   */
  replay(
    projectId: string,
    webhookId: string,
    deliveryId: string,
    options?: RequestOptions,
  ): ApiPromise<Schema<"WebhookDelivery">> {
    const params = { project_id: projectId, webhook_id: webhookId, delivery_id: deliveryId };
    return this.#http.request("post", `${one}/deliveries/{delivery_id}/replay`, { params }, options);
  }
}
