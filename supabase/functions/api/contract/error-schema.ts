import { z } from "@hono/zod-openapi";

export const errorSchema = z
  .object({
    detail: z
      .string()
      .openapi({ description: "A sentence that you may show to a person.", example: "Project not found." }),
    code: z.string().openapi({
      description: "The error code. It never changes, so programs can branch on it.",
      example: "project_not_found",
    }),
    request_id: z.string().openapi({
      description: "The same as in the header X-Request-Id.",
      example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    }),
    doc_url: z.string().optional().openapi({
      description: "The page that explains this code. Present when the operator has published the guides.",
      example: "https://docs.example.com/errors.html#project_not_found",
    }),
    errors: z
      .array(
        z.object({
          loc: z.array(z.union([z.string(), z.number()])).openapi({
            description: "`body`, `query`, `path` or `header`, then the path to the field.",
            example: ["body", "name"],
          }),
          msg: z.string().openapi({ description: "What is wrong with the field.", example: "Required" }),
          type: z.string().openapi({
            description: "The kind of mistake. Programs can branch on it.",
            example: "invalid_type",
          }),
        }),
      )
      .optional()
      .openapi({ description: "The invalid fields. Present only with status 422." }),
    retry_after: z
      .number()
      .optional()
      .openapi({ description: "Seconds to wait; also in the header Retry-After." }),
  })
  .openapi("Error");
