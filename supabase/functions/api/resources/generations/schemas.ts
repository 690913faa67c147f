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
  model: z
    .string()
    .max(200)
    .optional()
    .openapi({ example: "google/nano-banana", description: "One that the plan allows; else the default." }),
  upload_ids: z
    .array(uuid())
    .max(maxFiles)
    .refine((ids) => new Set(ids).size === ids.length, "names an upload twice")
    .optional()
    .openapi({ description: "Pictures that were put to the addresses of `POST /generation/uploads`." }),
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
    model: z.string().optional(),
    aspect_ratio: z.enum(aspectRatios).optional(),
    seed: z.string().optional(),
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

export const waitQuery = z.object({
  wait: z.coerce
    .number()
    .min(0)
    .max(25)
    .default(0)
    .openapi({ description: "Seconds to wait for a final state before answering." }),
});

export const pageQuery = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .max(200)
    .optional()
    .openapi({ description: "`next_cursor` of the page before; `page` is ignored then." }),
});

export const generationListSchema = z
  .object({
    generations: z.array(generationSchema),
    total: z.int(),
    page: z.int(),
    per_page: z.int(),
    next_cursor: z
      .string()
      .nullable()
      .openapi({ description: "Where the next page begins; null on the last one." }),
  })
  .openapi("GenerationList");

export const usageSchema = z
  .object({
    plan: z.string().nullable(),
    month: z.string().openapi({ format: "date", description: "First day of the UTC month." }),
    used: z.int().openapi({ description: "Charged in this month, running ones included." }),
    limit: z.int().nullable().openapi({ description: "Null is unlimited." }),
    running: z.int(),
    concurrent_limit: z.int().nullable(),
    resets_at: timestamp(),
  })
  .openapi("GenerationUsage");

export type Generation = z.infer<typeof generationSchema>;
export type Usage = z.infer<typeof usageSchema>;
