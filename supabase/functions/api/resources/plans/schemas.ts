import { z } from "@hono/zod-openapi";

const planLimit = (description: string, example: number) =>
  z
    .int()
    .nullable()
    .openapi({ description: `${description} Null: no limit.`, example });

export const planSchema = z
  .object({
    id: z.string().openapi({ description: "The plan's id.", example: "starter" }),
    is_default: z.boolean().openapi({ description: "Whether new developers get this plan.", example: false }),
    is_current: z.boolean().openapi({ description: "Whether the caller has this plan.", example: true }),
    generations_per_month: planLimit("Charged generations of a project per UTC month.", 1000),
    concurrent_generations: planLimit("Generations of a project that may run at once.", 3),
    projects: planLimit("Projects that a developer may have.", 20),
    api_keys_per_project: planLimit("Active API keys that a project may have.", 10),
    requests_per_day: planLimit("Requests per UTC day.", 10_000),
    reads_per_minute: planLimit("Status polls and other reads per minute.", 1200),
    auth_calls_per_hour: planLimit("Logins and registrations of one client address per hour.", 500),
    models: z.array(z.string()).openapi({
      description: "Models that a request may name, in addition to the defaults.",
      example: ["google/nano-banana"],
    }),
  })
  .openapi("Plan");

export type Plan = z.infer<typeof planSchema>;
