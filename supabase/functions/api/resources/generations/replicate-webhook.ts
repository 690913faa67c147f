import { createRoute, z } from "@hono/zod-openapi";
import { Webhook } from "standardwebhooks";
import { isMadeFor, type Prediction } from "../../clients/replicate.ts";
import type { Deps } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { uuid } from "../../fields/text.ts";
import { readText } from "../../middleware/read-json.ts";
import { createRouter } from "../../router.ts";
import { deliverWebhooks } from "../webhooks/delivery/deliver-webhooks.ts";
import { cleanUpGeneration } from "./pipeline/clean-up.ts";
import { finishGeneration } from "./pipeline/finish-generation.ts";
import { getGenerationWork, recordSubmission, recordWebhook } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/webhooks/replicate",
  operationId: "webhooks.replicate",
  tags: ["Generation"],
  summary: "Receive an event of Replicate",
  description:
    "Only for Replicate. The request must have a valid Standard Webhooks signature that is at most five minutes old.",
  security: security.none,
  request: {
    query: z.object({
      generation_id: uuid("generation", "The generation's id, from the webhook URL that Replicate got."),
    }),
  },
  responses: {
    200: jsonResponse(
      z
        .object({ received: z.literal(true).openapi({ description: "Always true.", example: true }) })
        .openapi("WebhookReceived"),
      "The event was processed, now or before.",
    ),
    ...errors(
      checks.json,
      "invalid_webhook_signature",
      "replicate_error",
      "generation_unavailable",
      "database_unavailable",
    ),
  },
});

/** A webhook contains the prediction's input and log. */
const maxWebhookBytes = 1024 * 1024;
const signature = (description: string, example: string) => z.string().openapi({ description, example });
const predictionSchema = z
  .looseObject({
    id: z.string().openapi({ description: "The prediction's id.", example: "gm3qorzdhgbfurvjtvhg6dckhu" }),
    status: z
      .string()
      .openapi({ description: "The prediction's status at Replicate.", example: "succeeded" }),
  })
  .openapi("ReplicatePrediction");

export const replicateWebhook = createRouter().openapi({ ...route, hide: true }, async (c) => {
  const deps = c.get("deps");
  if (!deps.replicate.configured) throw new ApiError("generation_unavailable");
  const { generation_id } = c.req.valid("query");
  const body = await readText(c.req.raw, maxWebhookBytes);
  const headers = c.req.raw.headers;
  const prediction = await verify(deps, body, headers);
  // A duplicate and a deleted generation get the same answer, so that Replicate stops sending.
  const state = await recordWebhook(deps.database, generation_id, headers.get("webhook-id") ?? "");
  if (state === "taken") {
    deps.background(followWebhook(deps, generation_id, prediction.id).then(() => deliverWebhooks(deps)));
  }
  if (state === "gone") deps.background(stopUnwanted(deps, generation_id, prediction.id));
  return c.json({ received: true as const }, 200);
});

// The signature covers the bytes, so they are read unchanged. This only documents their form.
replicateWebhook.openAPIRegistry.registerPath({
  ...route,
  request: {
    ...route.request,
    headers: z.object({
      "webhook-id": signature(
        "The id of the delivery. A second delivery with the same id changes nothing.",
        "msg_2b7d9f1a3c5e",
      ),
      "webhook-timestamp": signature(
        "When the delivery was signed, as a Unix time in seconds.",
        "1795510800",
      ),
      "webhook-signature": signature(
        "`v1,` and the HMAC of id, timestamp and body.",
        "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
      ),
    }),
    body: { required: true, content: { "application/json": { schema: predictionSchema } } },
  },
});

async function verify(deps: Deps, body: string, headers: Headers): Promise<Prediction> {
  const secret = await deps.replicate.webhookSecret().catch((cause) => {
    throw new ApiError("replicate_error", { cause });
  });
  try {
    new Webhook(secret).verify(body, {
      "webhook-id": headers.get("webhook-id") ?? "",
      "webhook-timestamp": headers.get("webhook-timestamp") ?? "",
      "webhook-signature": headers.get("webhook-signature") ?? "",
    });
  } catch (cause) {
    throw new ApiError("invalid_webhook_signature", { cause });
  }
  const json: unknown = JSON.parse(body);
  if (typeof (json as Prediction | null)?.id !== "string") throw new ApiError("malformed_json");
  return json as Prediction;
}

/** The body only triggers a read. The prediction itself is read from Replicate, since money depends on it. */
async function followWebhook(deps: Deps, id: string, predictionId: string): Promise<void> {
  const { database, log, replicate } = deps;
  const work = await getGenerationWork(database, id);
  if (work === null) return;
  const prediction = await replicate.get(predictionId);
  if (prediction === null) return;
  // The signature covers the body but not the URL, so the prediction must prove its generation.
  const isOurs =
    work.prediction_id === null ? isMadeFor(prediction, id) : work.prediction_id === predictionId;
  if (!isOurs) {
    return log("warn", "a webhook names another prediction", {
      generation_id: id,
      prediction_id: predictionId,
    });
  }
  if (work.prediction_id === null) {
    const state = await recordSubmission(database, id, predictionId);
    if (state === "unwanted") return cleanUpGeneration(deps, id);
  }
  await finishGeneration(deps, id, prediction);
}

/** Cancels a prediction whose generation was deleted before its id was known. It must not cost money. */
async function stopUnwanted({ replicate }: Deps, id: string, predictionId: string): Promise<void> {
  const prediction = await replicate.get(predictionId);
  if (prediction === null || !isMadeFor(prediction, id)) return;
  if (prediction.status === "starting" || prediction.status === "processing") {
    await replicate.cancel(predictionId);
  }
}
