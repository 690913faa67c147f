import { createRoute, z } from "@hono/zod-openapi";
import type { Credentials, Deps } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { clientOf } from "./input/anonymous-client.ts";
import { chooseModel } from "./input/choose-model.ts";
import { createOnce, fingerprintOf, readIdempotencyKey } from "./input/create-once.ts";
import { type GenerationRequest, withGenerationRequest } from "./input/generation-request.ts";
import { inspectUploads } from "./input/inspect-uploads.ts";
import { generationFormSchema, generationJsonSchema } from "./input/schemas.ts";
import { withStoredExamples } from "./input/stored-examples.ts";
import { submitGeneration } from "./pipeline/submit-generation.ts";
import { acceptedExample, createdGenerationSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/generate-v2",
  operationId: "generations.create",
  tags: ["Generation"],
  summary: "Create a picture",
  description:
    "Send multipart with pictures to work from, or JSON without pictures or with `upload_ids`. The response comes at once; " +
    "the picture is made in the background. With an `Idempotency-Key`, a repeated request returns the same generation for " +
    "24 hours, with the header `Idempotent-Replayed: true`. Alias: `/generation/generate`.",
  security: security.generate,
  middleware: [credentials],
  responses: {
    200: {
      ...jsonResponse(createdGenerationSchema, "The generation was accepted and waits.", acceptedExample),
      headers: {
        "Idempotent-Replayed": {
          description:
            "`true` if the key was used before. The response then contains the earlier generation.",
          schema: { type: "string" as const, enum: ["true"], example: "true" },
        },
      },
    },
    ...errors(
      checks.generation,
      checks.json,
      checks.pictures,
      "model_not_allowed",
      "upload_not_found",
      "quota_exceeded",
      "sent_limit_reached",
      "concurrency_limit_reached",
      "user_day_limit_reached",
      "user_month_limit_reached",
      "user_sent_limit_reached",
      "user_concurrency_limit_reached",
      "idempotency_key_in_use",
      "idempotency_key_reused",
      "generation_unavailable",
    ),
  },
});

export const createGeneration = createRouter().openapi({ ...route, hide: true }, async (c) => {
  const deps = c.get("deps");
  if (!deps.replicate.configured) throw new ApiError("generation_unavailable");
  const key = readIdempotencyKey(c.req.raw.headers);
  // Checks the caller before any byte is stored.
  const caller = await store.checkCaller(...c.get("caller"));
  const id = crypto.randomUUID();
  const { row, replayed } = await withGenerationRequest(c.req.raw, clientOf(c), async (request) => {
    const create = () =>
      acceptGeneration(deps, c.get("credentials"), request, {
        id,
        project_id: caller.project_id,
        key,
      });
    if (key === null) return { row: await create(), replayed: false };
    const fingerprint = fingerprintOf(request);
    const once = { operation: route.operationId, key, fingerprint, generation_id: id };
    return createOnce(deps, caller, once, create);
  });
  if (replayed) c.header("Idempotent-Replayed", "true");
  else deps.background(submitGeneration(deps, id));
  return c.json(
    { ...presentGeneration(deps.env, row), message: "Generation request submitted successfully" },
    200,
  );
});

// The body is read as it arrives and checked in generation-request.ts. This only documents its forms.
createGeneration.openAPIRegistry.registerPath({
  ...route,
  request: {
    headers: z.object({
      "Idempotency-Key": z.string().min(1).max(255).optional().openapi({
        description:
          "A text of your choice, a new one for each new generation. A repeated request with the same key returns the same generation.",
        example: "order-17",
      }),
    }),
    body: {
      required: true,
      content: {
        "multipart/form-data": { schema: generationFormSchema },
        "application/json": { schema: generationJsonSchema },
      },
    },
  },
});

type Place = { id: string; project_id: string; key: string | null };

async function acceptGeneration(
  deps: Deps,
  sent: Credentials,
  request: GenerationRequest,
  { id, project_id, key }: Place,
) {
  const model = chooseModel(deps, request);
  const uploads = await inspectUploads(deps, sent, request.upload_ids);
  return withStoredExamples(deps, `${project_id}/${id}`, request.images, (files) =>
    store.createGeneration(deps.database, sent, {
      id,
      instructions: request.prompt,
      model,
      model_requested: request.model !== undefined,
      options: request.options,
      example_images: [...uploads, ...files],
      upload_ids: request.upload_ids,
      is_public: request.is_public,
      idempotency_key: key,
    }),
  );
}
