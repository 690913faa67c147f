import { z } from "@hono/zod-openapi";
import { storableText, timestamp, uuid } from "../text.ts";
import { aspectRatios } from "./models.ts";

export const maxFiles = 5;
export const maxFileBytes = 10 * 1024 * 1024;

const promptSchema = storableText()
  .trim()
  .min(1)
  .max(1000)
  .openapi({ example: "Turn this photo into a watercolour" });

const optionsSchema = z.object({
  aspect_ratio: z.enum(aspectRatios).optional(),
  seed: z.int().min(0).max(2_147_483_647).optional(),
  is_public: z
    .boolean()
    .optional()
    .openapi({ description: "Whether everybody may see the result. Default false." }),
});

/** `instructions` is the older name of `prompt`. */
export const generationJsonSchema = z
  .union([
    optionsSchema.extend({ prompt: promptSchema }),
    optionsSchema.extend({ instructions: promptSchema }),
  ])
  .openapi("GenerationCreateRequest");

export const generationFormSchema = z
  .object({
    instructions: z
      .string()
      .openapi({ description: "1 to 1000 characters, plain, or a JSON object as in the JSON body." }),
    files: z
      .array(z.string().openapi({ format: "binary" }))
      .min(1)
      .max(maxFiles)
      .openapi({
        description: "JPEG, PNG or WebP, at most 10 MB each. `example_images` is accepted as another name.",
      }),
    is_public: z.string().optional(),
  })
  .openapi("GenerationCreateForm");

export const statusSchema = z.enum(["pending", "processing", "completed", "failed", "canceled"]);

export const generationSchema = z
  .object({
    id: uuid(),
    status: statusSchema,
    instructions: z.string(),
    model: z.string().openapi({ example: "google/nano-banana" }),
    generated_image_url: z
      .string()
      .nullable()
      .openapi({ description: "Absolute; opens in a browser without a header." }),
    images: z.array(z.object({ url: z.string(), content_type: z.string(), width: z.int(), height: z.int() })),
    example_images: z
      .array(z.string())
      .openapi({ description: "Absolute addresses of the uploaded pictures." }),
    error: z.string().nullable(),
    error_code: z.string().nullable(),
    is_public: z.boolean(),
    charged: z
      .boolean()
      .openapi({ description: "Whether it counts against the quota. Failed and canceled ones do not." }),
    created_at: timestamp(),
    updated_at: timestamp(),
    completed_at: timestamp().nullable(),
  })
  .openapi("Generation");

export const createdGenerationSchema = generationSchema
  .extend({ message: z.string() })
  .openapi("CreatedGeneration");

export const generationPath = z.object({
  generation_id: uuid().openapi({ param: { name: "generation_id", in: "path" } }),
});

export type Generation = z.infer<typeof generationSchema>;
