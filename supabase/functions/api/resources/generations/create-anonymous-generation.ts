import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { isMultipart } from "../../multipart.ts";
import { createRouter } from "../../router.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { anonymousClient, anonymousLimits, clientOf } from "./input/anonymous-client.ts";
import { chooseModel } from "./input/choose-model.ts";
import { type GenerationRequest, withGenerationRequest } from "./input/generation-request.ts";
import { generationFormSchema, generationJsonSchema } from "./input/schemas.ts";
import { withStoredExamples } from "./input/stored-examples.ts";
import { submitGeneration } from "./pipeline/submit-generation.ts";
import { acceptedExample, createdGenerationSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/generate-anonymous-v2",
  operationId: "generations.createAnonymous",
  tags: ["Generation"],
  summary: "Create a picture without an account",
  description:
    "A client address has a daily limit. Keep the id: nothing else gives access to the result, which is deleted after a " +
    "day. Pages of any origin may call it. Alias: `/generation/generate-anonymous`.",
  security: security.none,
  middleware: [credentialsWithoutBearer],
  responses: {
    200: jsonResponse(createdGenerationSchema, "The generation was accepted and waits.", acceptedExample),
    ...errors(
      checks.public,
      checks.json,
      checks.pictures,
      "anonymous_disabled",
      "anonymous_limit_reached",
      "anonymous_budget_reached",
      "model_not_allowed",
      "upload_not_found",
      "generation_unavailable",
    ),
  },
});

export const createAnonymousGeneration = createRouter().openapi({ ...route, hide: true }, async (c) => {
  const deps = c.get("deps");
  if (!deps.replicate.configured) throw new ApiError("generation_unavailable");
  if (deps.env.anonymous_generation === "off") throw new ApiError("anonymous_disabled");
  await store.checkAnonymous(...c.get("caller"), anonymousClient(c), anonymousLimits(deps.env));
  const id = crypto.randomUUID();
  const row = await withGenerationRequest(c.req.raw, clientOf(c), (request) =>
    acceptGeneration(c, id, request),
  ).catch((error: unknown) => countRefusal(c, error));
  deps.background(submitGeneration(deps, id));
  return c.json(
    { ...presentGeneration(deps.env, row), message: "Generation request submitted successfully" },
    200,
  );
});

createAnonymousGeneration.openAPIRegistry.registerPath({
  ...route,
  request: {
    body: {
      required: true,
      content: {
        "multipart/form-data": { schema: generationFormSchema },
        "application/json": { schema: generationJsonSchema },
      },
    },
  },
});

/** Counts a refused upload too. Otherwise an anonymous caller could send refused uploads without limit. */
async function countRefusal(c: Context<AppEnv>, error: unknown): Promise<never> {
  const { database, log } = c.get("deps");
  const isRefusal = error instanceof ApiError && error.status < 500 && error.status !== 429;
  if (isRefusal && isMultipart(c.req.header("content-type") ?? "")) {
    await store
      .countRefusedUpload(database, anonymousClient(c))
      .catch((cause) => log("warn", "a refused upload was not counted", { cause }));
  }
  throw error;
}

/** Uses only the default model, since the operator of the platform pays for it. */
function acceptGeneration(c: Context<AppEnv>, id: string, request: GenerationRequest) {
  const deps = c.get("deps");
  if (request.model !== undefined) throw new ApiError("model_not_allowed");
  if (request.upload_ids.length > 0) throw new ApiError("upload_not_found");
  const model = chooseModel(deps, request);
  return withStoredExamples(deps, `anonymous/${id}`, request.images, (exampleImages) =>
    store.createAnonymousGeneration(deps.database, anonymousClient(c), anonymousLimits(deps.env), {
      id,
      instructions: request.prompt,
      model,
      model_requested: false,
      options: request.options,
      example_images: exampleImages,
      upload_ids: [],
      is_public: false,
      idempotency_key: null,
    }),
  );
}
