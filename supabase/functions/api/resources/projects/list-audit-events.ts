import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { pageQuery, pageSizeOf, totalCountHeader } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { auditActionSchema, auditEventsSchema, auditResourceSchema, projectPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/audit",
  operationId: "projects.audit",
  tags: ["Projects"],
  summary: "List changes of a project",
  description:
    "Every change of the project, its keys and its end users, newest first. Entries are kept for 400 days, or for AUDIT_RETENTION_DAYS.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: projectPath,
    query: pageQuery.extend({
      resource: auditResourceSchema.optional(),
      action: auditActionSchema.optional(),
    }),
  },
  responses: {
    200: { ...jsonResponse(auditEventsSchema, "The entries of this page."), headers: totalCountHeader },
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listAuditEvents = createRouter().openapi(route, async (c) => {
  const { resource = null, action = null, page, ...sizes } = c.req.valid("query");
  const found = await store.listAuditEvents(...c.get("caller"), c.req.valid("param").project_id, {
    resource,
    action,
    page,
    page_size: pageSizeOf(sizes),
  });
  c.header("X-Total-Count", String(found.total));
  return c.json(found, 200);
});
