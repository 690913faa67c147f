import { createRoute } from "@hono/zod-openapi";
import type { Deps } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/projects/{project_id}",
  operationId: "projects.delete",
  tags: ["Projects"],
  summary: "Delete a project",
  description:
    "The API refuses its keys and end users at once, hides its pictures and cancels running generations. All data is " +
    "deleted after seven days, or after PROJECT_PURGE_DAYS. Until then, `POST /projects/{project_id}/restore` restores the " +
    "project. Keep its id.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    204: { description: "The project was deleted." },
    ...errors(checks.projects, "validation_failed"),
  },
});

export const deleteProject = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const predictions = await store.deleteProject(
    ...c.get("caller"),
    c.req.valid("param").project_id,
    deps.env.project_purge_days,
  );
  if (predictions.length > 0) deps.background(cancelAll(deps, predictions));
  return c.body(null, 204);
});

/** Cancels running predictions to save their cost. Nothing depends on it. */
async function cancelAll({ replicate, log }: Deps, predictions: string[]): Promise<void> {
  const results = await Promise.allSettled(predictions.map((id) => replicate.cancel(id)));
  const failed = results.filter((result) => result.status === "rejected").length;
  if (failed > 0) log("warn", "predictions of a deleted project could not be canceled", { failed });
}
