import { z } from "@hono/zod-openapi";
import { ApiError } from "../../../errors.ts";
import { strictObject } from "../../../fields/strict-object.ts";
import { listOf, paragraph, text, uuid } from "../../../fields/text.ts";
import { predicates } from "../../../predicates.ts";
import { aspectRatios } from "./model-input.ts";

export const maxFiles = 5;
export const maxSeed = 2_147_483_647;
export const maxFileBytes = 10 * 1024 * 1024;
export const fileTooLarge = () => new ApiError("file_too_large");

const promptSchema = paragraph({ min: 1, max: 1000 }).openapi({
  description: "What the picture should show, or how the model should change the uploaded pictures.",
  example: "Turn this photo into a watercolour",
});

const aspectRatio = z
  .enum(aspectRatios)
  .openapi({ description: "Width to height. Absent: the model decides.", example: "3:2" });

const options = {
  model: text({ max: 200 }).optional().openapi({
    example: "google/nano-banana",
    description: "A model that the plan allows. Absent: the default model.",
  }),
  upload_ids: listOf(uuid("upload", "The id of an upload."), maxFiles)
    .refine((ids) => new Set(ids).size === ids.length, predicates.unique)
    .optional()
    .openapi({
      description: "Ids of pictures that were uploaded to the URLs from `POST /generation/uploads`.",
      example: [],
    }),
  aspect_ratio: aspectRatio.optional(),
  seed: z.int().min(0).max(maxSeed).optional().openapi({
    description: "The same seed and prompt give a similar picture, if the model supports seeds.",
    example: 7,
  }),
  is_public: z.boolean().optional().openapi({
    description: "Whether everybody may see the result without credentials. The default is false.",
    example: false,
  }),
};

export const generationFields = [...Object.keys(options), "prompt", "instructions"];

/** `instructions` is the older name of `prompt`. */
export const generationJsonSchema = z
  .union([
    strictObject({ ...options, prompt: promptSchema }),
    strictObject({ ...options, instructions: promptSchema }),
  ])
  .openapi("GenerationCreateRequest");

export const generationFormSchema = z
  .object({
    instructions: z.string().openapi({
      description:
        "The prompt of 1 to 1000 characters, or a JSON object as in the JSON body. Other keys of the object are options of the model.",
      example: "Turn this photo into a watercolour",
    }),
    files: z
      .array(z.string().openapi({ format: "binary" }))
      .min(1)
      .max(maxFiles)
      .openapi({
        description:
          "Pictures to work from: JPEG, PNG or WebP, at most 10 MB each. The field may also be named `example_images`.",
        example: ["(the bytes of photo.png)"],
      }),
    is_public: z.string().optional().openapi({
      description: "`true`: everybody may see the result without credentials.",
      example: "false",
    }),
    model: z.string().optional().openapi({
      description: "A model that the plan allows. Absent: the default model.",
      example: "google/nano-banana",
    }),
    aspect_ratio: aspectRatio.optional(),
    seed: z.string().optional().openapi({ description: "An integer from 0 to 2147483647.", example: "7" }),
  })
  .openapi("GenerationCreateForm");
