import { z } from "@hono/zod-openapi";

const planLimit = (description: string, example: number) =>
  z
    .int()
    .nullable()
    .openapi({ description: `${description} Null is no limit.`, example });

export const planSchema = z
  .object({
    id: z.string().openapi({ description: "Its name.", example: "starter" }),
    is_default: z.boolean().openapi({ description: "Whether new developers get it.", example: false }),
    is_current: z.boolean().openapi({ description: "Whether the caller has it.", example: true }),
    generations_per_month: planLimit("Charged pictures of a project in a UTC month.", 1000),
    concurrent_generations: planLimit("Pictures of a project that may be made at once.", 3),
    projects: planLimit("Projects of a developer.", 20),
    api_keys_per_project: planLimit("Active API keys of a project.", 10),
    requests_per_day: planLimit("Requests a UTC day.", 10_000),
    reads_per_minute: planLimit("Polls and reads a minute.", 1200),
    auth_calls_per_hour: planLimit("Logins and registrations of one address in an hour.", 500),
    models: z.array(z.string()).openapi({
      description: "Models that a request may name, beside the defaults.",
      example: ["google/nano-banana"],
    }),
  })
  .openapi("Plan");

export type Plan = z.infer<typeof planSchema>;
