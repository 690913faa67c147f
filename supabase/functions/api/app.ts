import type { OpenAPIHono } from "@hono/zod-openapi";
import { requestId } from "hono/request-id";
import type { AppEnv, Deps } from "./context.ts";
import { ApiError } from "./errors.ts";
import { cors } from "./middleware/cors.ts";
import { handleErrors, handleNotFound } from "./middleware/errors.ts";
import { createRouter, version } from "./openapi.ts";
import { login } from "./resources/auth/login.ts";
import { me } from "./resources/auth/me.ts";
import { refresh } from "./resources/auth/refresh.ts";
import { register } from "./resources/auth/register.ts";
import { createGeneration } from "./resources/generations/create-generation.ts";
import { getGenerationFiles } from "./resources/generations/get-generation-file.ts";
import { getGenerationStatus } from "./resources/generations/get-generation-status.ts";
import { reconcile } from "./resources/generations/reconcile.ts";
import { replicateWebhook } from "./resources/generations/replicate-webhook.ts";
import { health } from "./resources/health/get-health.ts";
import { createApiKey } from "./resources/keys/create-api-key.ts";
import { listApiKeys } from "./resources/keys/list-api-keys.ts";
import { createProject } from "./resources/projects/create-project.ts";
import { getProject } from "./resources/projects/get-project.ts";
import { listProjects } from "./resources/projects/list-projects.ts";

const endpoints = [
  health,
  register,
  login,
  refresh,
  me,
  createProject,
  listProjects,
  getProject,
  createApiKey,
  listApiKeys,
  createGeneration,
  getGenerationStatus,
  getGenerationFiles,
  replicateWebhook,
  reconcile,
];

/** The whole API over whatever is outside it. */
export function createApp(deps: Deps): OpenAPIHono<AppEnv> {
  const app = createRouter();
  app.use(requestId({ limitLength: 128 }));
  app.use(cors);
  app.use(async (c, next) => {
    c.set("deps", deps);
    await next();
  });
  app.onError(handleErrors(deps.log));
  app.notFound(handleNotFound);
  app.get("/", (c) => c.json({ name: "Cloud API", version, health: "/health", api: "/api/v1" }));
  for (const endpoint of endpoints) app.route("/", endpoint);
  const known = new Set(app.routes.filter((route) => route.method !== "ALL").map((route) => route.path));
  for (const path of known) {
    app.all(path, (c) => {
      c.header("Allow", allowed(app, path));
      throw new ApiError("method_not_allowed");
    });
  }
  return app;
}

function allowed(app: OpenAPIHono<AppEnv>, path: string): string {
  const methods = app.routes
    .filter((route) => route.path === path && route.method !== "ALL")
    .map((route) => route.method);
  return [...new Set(methods)].join(", ");
}
