import { createRoute, z } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, security } from "../../openapi.ts";
import { storableText } from "../text.ts";
import { projectSchema } from "./schemas.ts";
import { listProjects as selectProjects } from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects",
  operationId: "projects.list",
  tags: ["Projects"],
  summary: "List projects, newest first",
  security: security.manage,
  middleware: [credentials],
  request: {
    query: z.object({
      search: storableText().max(255).optional().openapi({ description: "Part of the name or description." }),
      is_active: z.enum(["true", "false"]).optional(),
      page: z.coerce.number().int().min(1).max(1_000_000).default(1),
      page_size: z.coerce.number().int().min(1).max(100).default(50),
    }),
  },
  responses: {
    200: {
      description: "One page.",
      headers: {
        "X-Total-Count": {
          description: "How many there are on all pages.",
          schema: { type: "integer" as const },
        },
      },
      content: { "application/json": { schema: z.array(projectSchema) } },
    },
    ...errorResponses(400, 401, 403, 404, 422),
  },
});

export const listProjects = createRouter().openapi(route, async (c) => {
  const { search, is_active, page, page_size } = c.req.valid("query");
  const { items, total } = await selectProjects(c.get("deps").database, c.get("credentials"), {
    search: search ?? null,
    is_active: is_active === undefined ? null : is_active === "true",
    page,
    page_size,
  });
  c.header("X-Total-Count", String(total));
  return c.json(items, 200);
});
