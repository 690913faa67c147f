import { z } from "@hono/zod-openapi";
import { pageFields, pageQueryOf } from "../../fields/page-query.ts";
import { pathId, text, timestamp, uuid } from "../../fields/text.ts";
import { seconds } from "../../fields/whole-number.ts";
import { message } from "../auth/schemas.ts";

export const statusSchema = z.enum(["pending", "processing", "completed", "failed", "canceled"]).openapi({
  description: "`pending`, then `processing`, then one of the others, which are final. Never backwards.",
  example: "completed",
});
export const isPublic = z
  .boolean()
  .openapi({ description: "Whether everybody may see the result.", example: false });
/** The example URL is that of `npm start`. */
const base = "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07";

export const generationSchema = z
  .object({
    id: uuid("generation", "What its status is asked with."),
    status: statusSchema,
    instructions: z.string().openapi({
      description: "The prompt.",
      example: "Turn this photo into a watercolour",
    }),
    model: z.string().openapi({ description: "What makes the picture.", example: "google/nano-banana" }),
    generated_image_url: z
      .string()
      .nullable()
      .openapi({
        description: "Absolute; opens in a browser without a header.",
        example: `${base}/image?ticket=0.6Zk1`,
      }),
    images: z
      .array(
        z.object({
          url: z
            .string()
            .openapi({ description: "As `generated_image_url`.", example: `${base}/image?ticket=0.6Zk1` }),
          content_type: z.string().openapi({ description: "Its media type.", example: "image/png" }),
          width: z.int().openapi({ description: "Pixels.", example: 1024 }),
          height: z.int().openapi({ description: "Pixels.", example: 683 }),
        }),
      )
      .openapi({ description: "All pictures; most models make one. Empty until it is completed." }),
    example_images: z.array(z.string()).openapi({
      description: "Absolute addresses of the uploaded pictures.",
      example: [`${base}/examples/0?ticket=0.9Rt4`],
    }),
    error: z
      .string()
      .nullable()
      .openapi({ description: "Why it failed, as a sentence; null when it did not.", example: null }),
    error_code: z
      .string()
      .nullable()
      .openapi({ description: "The same for programs; stable.", example: null }),
    is_public: isPublic,
    charged: z.boolean().openapi({
      description:
        "Whether it counts against the quota. Failed ones do not. One that was canceled does if it had been sent to the " +
        "provider and the month has no more cancels to give back.",
      example: true,
    }),
    created_at: timestamp("When it was asked for."),
    updated_at: timestamp("When its state changed last.", "2026-11-24T09:00:07.654321Z"),
    completed_at: timestamp("When it ended; null before.", "2026-11-24T09:00:07.654321Z").nullable(),
  })
  .openapi("Generation");

export const createdGenerationSchema = generationSchema
  .extend({ message: message("Generation request submitted successfully") })
  .openapi("CreatedGeneration");

/** The fields that differ from a generation's example while it has no picture. */
const unfinished = { generated_image_url: null, images: [] };
export const acceptedExample = { ...unfinished, status: "pending", completed_at: null };
export const canceledExample = { ...unfinished, status: "canceled", charged: false };

export const generationPath = pathId("generation_id", "generation", "The generation.");

export const waitQuery = z.object({
  wait: seconds(25).default(0).openapi({
    type: "number",
    description: "Seconds to wait for a final state before answering.",
    example: 25,
  }),
});

export const defaultPageSize = 20;
export const pageQuery = pageQueryOf({ pages: 10_000, size: defaultPageSize }).extend({
  cursor: text({ max: 200 }).optional().openapi({
    description: "`next_cursor` of the page before; `page` is ignored then.",
    example: "MjAyNi0xMS0yNFQwOTowMDowMFo",
  }),
});

export const generationListSchema = z
  .object({
    generations: z.array(generationSchema).openapi({ description: "One page." }),
    total: pageFields.total.openapi({
      description: "With a cursor, as it was on the first page. Published pictures are counted up to 1,000.",
    }),
    page: pageFields.page,
    page_size: pageFields.page_size.openapi({ example: defaultPageSize }),
    per_page: z
      .int()
      .openapi({ description: "The older name of `page_size`.", example: defaultPageSize, deprecated: true }),
    next_cursor: z
      .string()
      .nullable()
      .openapi({ description: "Where the next page begins; null on the last one.", example: null }),
  })
  .openapi("GenerationList");

const limitOf = (description: string, example: number) =>
  z
    .int()
    .nullable()
    .openapi({ description: `${description} Null is no limit but the plan's.`, example });
const userUsageSchema = z
  .object({
    used_today: z
      .int()
      .openapi({ description: "Charged on this UTC day, running ones included.", example: 2 }),
    day_limit: limitOf("A day.", 3),
    day_resets_at: timestamp("When `used_today` is zero again.", "2026-11-25T00:00:00.000000Z"),
    used_this_month: z.int().openapi({ description: "The same in this UTC month.", example: 11 }),
    month_limit: limitOf("A month.", 30),
    running: z.int().openapi({ description: "Pending or processing now.", example: 1 }),
    concurrent_limit: limitOf("How many may run at once.", 1),
  })
  .openapi("UserUsage");

export const usageSchema = z
  .object({
    plan: z.string().nullable().openapi({ description: "The plan that counts.", example: "free" }),
    month: z
      .string()
      .openapi({ format: "date", description: "First day of the UTC month.", example: "2026-11-01" }),
    used: z.int().openapi({ description: "Charged in this month, running ones included.", example: 42 }),
    limit: z.int().nullable().openapi({ description: "A month. Null is unlimited.", example: 100 }),
    running: z.int().openapi({ description: "Pending or processing now.", example: 1 }),
    concurrent_limit: z
      .int()
      .nullable()
      .openapi({ description: "How many may run at once. Null is unlimited.", example: 3 }),
    sent: z.int().openapi({
      description: "Sent to the provider in this month, whatever became of them.",
      example: 45,
    }),
    sent_limit: z.int().nullable().openapi({
      description: "How many may be sent in a month, failed and canceled ones included. Null is unlimited.",
      example: 210,
    }),
    canceled: z
      .int()
      .openapi({ description: "Canceled or deleted after they were sent, and given back.", example: 2 }),
    cancel_limit: z.int().nullable().openapi({
      description: "How many such cancels of a month are given back; later ones stay charged. Null is all.",
      example: 10,
    }),
    resets_at: timestamp("When `used` is zero again.", "2026-12-01T00:00:00.000000Z"),
    user: userUsageSchema
      .nullable()
      .openapi({ description: "Of the caller alone; null for whoever runs the project." }),
  })
  .openapi("GenerationUsage");

export type Generation = z.infer<typeof generationSchema>;
export type Usage = z.infer<typeof usageSchema>;
