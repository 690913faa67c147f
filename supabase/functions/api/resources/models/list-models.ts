import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { aspectRatios, maxImages, optionsOf } from "../generations/input/model-input.ts";
import { maxSeed } from "../generations/input/schemas.ts";
import * as store from "./store.ts";

const optionSchema = z
  .object({
    type: z
      .enum(["string", "integer", "number", "boolean"])
      .openapi({ description: "The JSON type of the option.", example: "string" }),
    enum: z
      .array(z.string())
      .optional()
      .openapi({ description: "The allowed values.", example: ["1:1", "16:9"] }),
    minimum: z.number().optional().openapi({ description: "The smallest allowed number.", example: 0 }),
    maximum: z.number().optional().openapi({ description: "The largest allowed number.", example: 10 }),
    maxLength: z.int().optional().openapi({ description: "The maximum number of characters.", example: 60 }),
    pattern: z
      .string()
      .optional()
      .openapi({ description: "A regular expression that the value must match.", example: "^any$" }),
  })
  .openapi("ModelOption");
type Option = z.infer<typeof optionSchema>;

const modelSchema = z
  .object({
    id: z
      .string()
      .openapi({ description: "The model's id. Send it as `model`.", example: "google/nano-banana" }),
    default_for: z.array(z.enum(["words", "pictures"])).openapi({
      description:
        "The kind of generation that uses this model by default: from a prompt alone, or from pictures.",
      example: ["pictures"],
    }),
    max_images: z
      .int()
      .openapi({ description: "How many uploaded pictures the model uses. 0: none.", example: 5 }),
    options: z.record(z.string(), optionSchema).openapi({
      description: "Other request fields that the model supports.",
      example: { aspect_ratio: { type: "string", enum: ["1:1", "16:9"] } },
    }),
  })
  .openapi("Model");
type Model = z.infer<typeof modelSchema>;

const route = createRoute({
  method: "get",
  path: "/api/v1/models",
  operationId: "models.list",
  tags: ["Generation"],
  summary: "List models",
  description:
    "Returns the default models and the models that the project's plan allows, with their options.",
  security: security.generate,
  middleware: [credentials],
  responses: {
    200: jsonResponse(
      z
        .object({ models: z.array(modelSchema).openapi({ description: "The models, ordered by id." }) })
        .openapi("Models"),
      "The models and their options.",
    ),
    ...errors(checks.generation),
  },
});

export const listModels = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const ids = await store.listModels(...c.get("caller"), [env.text_model, env.image_model]);
  return c.json({ models: ids.map((id) => describe(id, env)) }, 200);
});

function describe(id: string, env: { text_model: string; image_model: string }): Model {
  const { common, own } = optionsOf(id);
  const options: Record<string, Option> = {
    ...(common.has("aspect_ratio") && { aspect_ratio: { type: "string", enum: [...aspectRatios] } }),
    ...(common.has("seed") && { seed: { type: "integer", minimum: 0, maximum: maxSeed } }),
  };
  for (const [name, schema] of Object.entries(own)) {
    const { $schema: _, ...described } = z.toJSONSchema(schema);
    options[name] = optionSchema.parse(described);
  }
  return {
    id,
    default_for: [
      ...(id === env.text_model ? (["words"] as const) : []),
      ...(id === env.image_model ? (["pictures"] as const) : []),
    ],
    max_images: maxImages(id),
    options,
  };
}
