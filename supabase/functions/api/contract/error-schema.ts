import { z } from "@hono/zod-openapi";

export const errorSchema = z
  .object({
    detail: z.string().openapi({ description: "One sentence for a person.", example: "Project not found." }),
    code: z.string().openapi({ description: "Stable, for programs.", example: "project_not_found" }),
    request_id: z.string().openapi({
      description: "Also in the header X-Request-Id.",
      example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    }),
    doc_url: z.string().optional().openapi({
      description: "Cause and cure of this code, where the operator has published the guides.",
      example: "https://docs.example.com/errors.html#project_not_found",
    }),
    errors: z
      .array(
        z.object({
          loc: z.array(z.union([z.string(), z.number()])).openapi({
            description: "`body`, `query`, `path` or `header`, then the way to the field.",
            example: ["body", "name"],
          }),
          msg: z.string().openapi({ description: "What is wrong with it.", example: "Required" }),
          type: z
            .string()
            .openapi({ description: "The kind of mistake, for programs.", example: "invalid_type" }),
        }),
      )
      .optional()
      .openapi({ description: "Only with 422: each field that is wrong." }),
    retry_after: z
      .number()
      .optional()
      .openapi({ description: "Seconds to wait; also in the header Retry-After." }),
  })
  .openapi("Error");
