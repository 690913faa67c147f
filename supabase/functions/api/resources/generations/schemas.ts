import { z } from "@hono/zod-openapi";
import { pageFields, pageQueryOf } from "../../fields/page-query.ts";
import { pathId, text, timestamp, uuid } from "../../fields/text.ts";
import { seconds } from "../../fields/whole-number.ts";
import { message } from "../auth/schemas.ts";

const statusSchema = z.enum(["pending", "processing", "completed", "failed", "canceled"]).openapi({
  description:
    "`pending`, then `processing`, then one of the others, which are final. The status never goes back.",
  example: "completed",
});
export const isPublic = z
  .boolean()
  .openapi({ description: "Whether everybody may see the result without credentials.", example: false });
/** The example URL is that of `npm start`. */
const base = "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07";

export const generationSchema = z
  .object({
    id: uuid("generation", "The generation's id. Use it to get the status."),
    status: statusSchema,
    instructions: z.string().openapi({
      description: "The prompt.",
      example: "Turn this photo into a watercolour",
    }),
    model: z
      .string()
      .openapi({ description: "The model that makes the picture.", example: "google/nano-banana" }),
    generated_image_url: z
      .string()
      .nullable()
      .openapi({
        description:
          "The absolute URL of the picture. A browser opens it without extra headers. Null until the generation is completed.",
        example: `${base}/image?ticket=0.6Zk1`,
      }),
    images: z
      .array(
        z.object({
          url: z.string().openapi({
            description: "The absolute URL of the picture, as in `generated_image_url`.",
            example: `${base}/image?ticket=0.6Zk1`,
          }),
          content_type: z
            .string()
            .openapi({ description: "The media type of the picture.", example: "image/png" }),
          width: z.int().openapi({ description: "The size in pixels.", example: 1024 }),
          height: z.int().openapi({ description: "The size in pixels.", example: 683 }),
        }),
      )
      .openapi({
        description:
          "All pictures of the generation; most models make one. Empty until the generation is completed.",
      }),
    example_images: z.array(z.string()).openapi({
      description: "The absolute URLs of the uploaded pictures.",
      example: [`${base}/examples/0?ticket=0.9Rt4`],
    }),
    error: z.string().nullable().openapi({
      description: "Why the generation failed, as a sentence. Null if it did not fail.",
      example: null,
    }),
    error_code: z.string().nullable().openapi({
      description: "Why the generation failed, as a code that never changes. Null if it did not fail.",
      example: null,
    }),
    is_public: isPublic,
    charged: z.boolean().openapi({
      description:
        "Whether the generation counts against the quota. A failed one never counts. A canceled one counts if it was already " +
        "sent to the provider and `cancel_limit` is reached.",
      example: true,
    }),
    created_at: timestamp("When the generation was created."),
    updated_at: timestamp("When the status last changed.", "2026-11-24T09:00:07.654321Z"),
    completed_at: timestamp(
      "When the generation ended. Null before that.",
      "2026-11-24T09:00:07.654321Z",
    ).nullable(),
  })
  .openapi("Generation");

export const createdGenerationSchema = generationSchema
  .extend({ message: message("Generation request submitted successfully") })
  .openapi("CreatedGeneration");

/** The fields that differ from a generation's example while it has no picture. */
const unfinished = { generated_image_url: null, images: [] };
export const acceptedExample = { ...unfinished, status: "pending", completed_at: null };
export const canceledExample = { ...unfinished, status: "canceled", charged: false };

export const generationPath = pathId("generation_id", "generation", "The generation's id.");

export const waitQuery = z.object({
  wait: seconds(25).default(0).openapi({
    type: "number",
    description: "The response waits at most this many seconds for a final status.",
    example: 25,
  }),
});

export const defaultPageSize = 20;
export const pageQuery = pageQueryOf({ pages: 10_000, size: defaultPageSize }).extend({
  cursor: text({ max: 200 }).optional().openapi({
    description: "`next_cursor` of the previous page. With it, `page` is ignored.",
    example: "MjAyNi0xMS0yNFQwOTowMDowMFo",
  }),
});

export const generationListSchema = z
  .object({
    generations: z.array(generationSchema).openapi({ description: "The entries of this page." }),
    total: pageFields.total.openapi({
      description:
        "The number of entries on all pages. With a cursor, the number when the first page was read. Published pictures are " +
        "counted up to 1,000.",
    }),
    page: pageFields.page,
    page_size: pageFields.page_size.openapi({ example: defaultPageSize }),
    per_page: z
      .int()
      .openapi({ description: "The older name of `page_size`.", example: defaultPageSize, deprecated: true }),
    next_cursor: z.string().nullable().openapi({
      description: "Send it as `cursor` to get the next page. Null on the last page.",
      example: null,
    }),
  })
  .openapi("GenerationList");

const limitOf = (description: string, example: number) =>
  z
    .int()
    .nullable()
    .openapi({ description: `${description} Null: only the plan's limit applies.`, example });
const userUsageSchema = z
  .object({
    used_today: z
      .int()
      .openapi({ description: "Generations charged on this UTC day, running ones included.", example: 2 }),
    day_limit: limitOf("Charged generations per UTC day.", 3),
    day_resets_at: timestamp("When `used_today` becomes zero again.", "2026-11-25T00:00:00.000000Z"),
    used_this_month: z
      .int()
      .openapi({ description: "Generations charged in this UTC month, running ones included.", example: 11 }),
    month_limit: limitOf("Charged generations per UTC month.", 30),
    running: z.int().openapi({ description: "Generations that are pending or processing now.", example: 1 }),
    concurrent_limit: limitOf("Generations that may run at once.", 1),
  })
  .openapi("UserUsage");

export const usageSchema = z
  .object({
    plan: z
      .string()
      .nullable()
      .openapi({ description: "The plan that applies to the project.", example: "free" }),
    month: z
      .string()
      .openapi({ format: "date", description: "The first day of the UTC month.", example: "2026-11-01" }),
    used: z
      .int()
      .openapi({ description: "Generations charged in this month, running ones included.", example: 42 }),
    limit: z
      .int()
      .nullable()
      .openapi({ description: "Charged generations per month. Null: no limit.", example: 100 }),
    running: z.int().openapi({ description: "Generations that are pending or processing now.", example: 1 }),
    concurrent_limit: z
      .int()
      .nullable()
      .openapi({ description: "Generations that may run at once. Null: no limit.", example: 3 }),
    sent: z.int().openapi({
      description: "Generations sent to the provider in this month, whatever their result.",
      example: 45,
    }),
    sent_limit: z.int().nullable().openapi({
      description:
        "Generations that may be sent per month, failed and canceled ones included. Null: no limit.",
      example: 210,
    }),
    canceled: z.int().openapi({
      description:
        "Generations that were refunded in this month: canceled or deleted after they were sent to the provider.",
      example: 2,
    }),
    cancel_limit: z.int().nullable().openapi({
      description:
        "How many such generations are refunded per month. Later ones stay charged. Null: no limit.",
      example: 10,
    }),
    resets_at: timestamp("When `used` becomes zero again.", "2026-12-01T00:00:00.000000Z"),
    user: userUsageSchema.nullable().openapi({
      description: "The usage of the end user who calls. Null for the developer and for operators.",
    }),
  })
  .openapi("GenerationUsage");

export type Generation = z.infer<typeof generationSchema>;
export type Usage = z.infer<typeof usageSchema>;
