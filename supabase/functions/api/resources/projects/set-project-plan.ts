import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { strictObject } from "../../fields/strict-object.ts";
import { text } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { projectPath, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const planSchema = strictObject({
  plan_id: text({ max: 64 }).nullable().openapi({
    description: "The plan for this project. Null: the owner's plan applies again.",
    example: "premium",
  }),
}).openapi("ProjectPlanRequest");

const route = createRoute({
  method: "patch",
  path: "/api/v1/projects/{project_id}/plan",
  operationId: "projects.setPlan",
  tags: ["Projects"],
  summary: "Set the plan of a project",
  description: "Only for operators.",
  security: security.operate,
  middleware: [credentials, jsonOnly],
  request: { params: projectPath, ...jsonBody(planSchema) },
  responses: {
    200: jsonResponse(projectSchema, "The project after the change."),
    ...errors(checks.projects, checks.json, "operators_only", "plan_not_found"),
  },
});

export const setProjectPlan = createRouter().openapi(route, async (c) => {
  const project = await store.setProjectPlan(
    ...c.get("caller"),
    c.req.valid("param").project_id,
    c.req.valid("json").plan_id,
  );
  return c.json(project, 200);
});
