import type { OpenAPIHono } from "@hono/zod-openapi";
import type { AppEnv, Deps } from "./context.ts";
import { ApiError } from "./errors.ts";
import { reconcile } from "./jobs/reconcile.ts";
import { cors } from "./middleware/cors.ts";
import { countKeyUsage } from "./middleware/count-key-usage.ts";
import { emptyParameters } from "./middleware/empty-parameters.ts";
import { handleErrors, handleNotFound } from "./middleware/handle-errors.ts";
import { head } from "./middleware/head.ts";
import { observe } from "./middleware/observe.ts";
import { refuseLongAddress } from "./middleware/refuse-long-address.ts";
import { authPages } from "./pages/auth-pages.ts";
import { openApiPage } from "./pages/openapi-page.ts";
import { createApiKey } from "./resources/api-keys/create-api-key.ts";
import { getApiKeyUsage } from "./resources/api-keys/get-api-key-usage.ts";
import { listApiKeys } from "./resources/api-keys/list-api-keys.ts";
import { revokeApiKey } from "./resources/api-keys/revoke-api-key.ts";
import { rotateApiKey } from "./resources/api-keys/rotate-api-key.ts";
import { changeEmail } from "./resources/auth/change-email.ts";
import { changePassword } from "./resources/auth/change-password.ts";
import { checkMailToken } from "./resources/auth/check-mail-token.ts";
import { deleteMe } from "./resources/auth/delete-me.ts";
import { login } from "./resources/auth/login.ts";
import { logout } from "./resources/auth/logout.ts";
import { me } from "./resources/auth/me.ts";
import { refresh } from "./resources/auth/refresh.ts";
import { register } from "./resources/auth/register.ts";
import { requestPasswordReset } from "./resources/auth/request-password-reset.ts";
import { requestVerification } from "./resources/auth/request-verification.ts";
import { resetPassword } from "./resources/auth/reset-password.ts";
import { updateMe } from "./resources/auth/update-me.ts";
import { verifyEmail } from "./resources/auth/verify-email.ts";
import { createDeveloperKey } from "./resources/developer-keys/create-developer-key.ts";
import { listDeveloperKeys } from "./resources/developer-keys/list-developer-keys.ts";
import { revokeDeveloperKey } from "./resources/developer-keys/revoke-developer-key.ts";
import { rotateDeveloperKey } from "./resources/developer-keys/rotate-developer-key.ts";
import { cancelGeneration } from "./resources/generations/cancel-generation.ts";
import { createAnonymousGeneration } from "./resources/generations/create-anonymous-generation.ts";
import { createGeneration } from "./resources/generations/create-generation.ts";
import { createUploads } from "./resources/generations/create-uploads.ts";
import { deleteGeneration } from "./resources/generations/delete-generation.ts";
import { getAnonymousGeneration } from "./resources/generations/get-anonymous-generation.ts";
import { getGenerationFiles } from "./resources/generations/get-generation-files.ts";
import { getGenerationStatus } from "./resources/generations/get-generation-status.ts";
import { getGenerationUsage } from "./resources/generations/get-generation-usage.ts";
import { listGenerations } from "./resources/generations/list-generations.ts";
import { listPublicGenerations } from "./resources/generations/list-public-generations.ts";
import { replicateWebhook } from "./resources/generations/replicate-webhook.ts";
import { setGenerationPublic } from "./resources/generations/set-generation-public.ts";
import { streamAnonymousGeneration } from "./resources/generations/stream-anonymous-generation.ts";
import { streamGeneration } from "./resources/generations/stream-generation.ts";
import { getDetailedHealth } from "./resources/health/get-detailed-health.ts";
import { getHealth } from "./resources/health/get-health.ts";
import { getLiveness } from "./resources/health/get-liveness.ts";
import { getPartHealth } from "./resources/health/get-part-health.ts";
import { previewMail } from "./resources/mail/preview-mail.ts";
import { testMail } from "./resources/mail/test-mail.ts";
import { getMetrics } from "./resources/metrics/get-metrics.ts";
import { listModels } from "./resources/models/list-models.ts";
import { payments } from "./resources/payments/payments.ts";
import { listPlans } from "./resources/plans/list-plans.ts";
import { createProject } from "./resources/projects/create-project.ts";
import { deleteProject } from "./resources/projects/delete-project.ts";
import { getAllStats } from "./resources/projects/get-all-stats.ts";
import { getProject } from "./resources/projects/get-project.ts";
import { getProjectStats } from "./resources/projects/get-project-stats.ts";
import { listAuditEvents } from "./resources/projects/list-audit-events.ts";
import { listProjects } from "./resources/projects/list-projects.ts";
import { restoreProject } from "./resources/projects/restore-project.ts";
import { setProjectPlan } from "./resources/projects/set-project-plan.ts";
import { updateProject } from "./resources/projects/update-project.ts";
import { listSessions } from "./resources/sessions/list-sessions.ts";
import { revokeSession } from "./resources/sessions/revoke-session.ts";
import { acceptTransfer } from "./resources/transfers/accept-transfer.ts";
import { endTransfer } from "./resources/transfers/end-transfer.ts";
import { getTransfer } from "./resources/transfers/get-transfer.ts";
import { listTransfers } from "./resources/transfers/list-transfers.ts";
import { offerTransfer } from "./resources/transfers/offer-transfer.ts";
import { deleteProjectUser } from "./resources/users/delete-project-user.ts";
import { listAllUsers } from "./resources/users/list-all-users.ts";
import { listProjectUsers } from "./resources/users/list-project-users.ts";
import { updateProjectUser } from "./resources/users/update-project-user.ts";
import { createWebhook } from "./resources/webhooks/create-webhook.ts";
import { deleteWebhook } from "./resources/webhooks/delete-webhook.ts";
import { listDeliveries } from "./resources/webhooks/list-deliveries.ts";
import { listWebhooks } from "./resources/webhooks/list-webhooks.ts";
import { replayDelivery } from "./resources/webhooks/replay-delivery.ts";
import { rotateWebhookSecret } from "./resources/webhooks/rotate-webhook-secret.ts";
import { testWebhook } from "./resources/webhooks/test-webhook.ts";
import { updateWebhook } from "./resources/webhooks/update-webhook.ts";
import { createRouter } from "./router.ts";
import { version } from "./version.ts";

const endpoints = [
  getLiveness,
  getHealth,
  getPartHealth,
  getDetailedHealth,
  getMetrics,
  register,
  login,
  refresh,
  me,
  updateMe,
  deleteMe,
  logout,
  listSessions,
  revokeSession,
  changePassword,
  changeEmail,
  verifyEmail,
  checkMailToken,
  requestVerification,
  requestPasswordReset,
  resetPassword,
  authPages,
  openApiPage,
  listDeveloperKeys,
  createDeveloperKey,
  rotateDeveloperKey,
  revokeDeveloperKey,
  createProject,
  listProjects,
  // These come before {project_id}, since the first matching path answers every method.
  listAllUsers,
  getAllStats,
  listTransfers,
  getProject,
  deleteProjectUser,
  updateProject,
  deleteProject,
  restoreProject,
  setProjectPlan,
  listPlans,
  listProjectUsers,
  updateProjectUser,
  getProjectStats,
  listAuditEvents,
  previewMail,
  testMail,
  offerTransfer,
  getTransfer,
  endTransfer,
  acceptTransfer,
  createApiKey,
  listApiKeys,
  rotateApiKey,
  revokeApiKey,
  getApiKeyUsage,
  createWebhook,
  listWebhooks,
  updateWebhook,
  rotateWebhookSecret,
  deleteWebhook,
  testWebhook,
  listDeliveries,
  replayDelivery,
  createGeneration,
  createUploads,
  createAnonymousGeneration,
  getAnonymousGeneration,
  streamAnonymousGeneration,
  listGenerations,
  listPublicGenerations,
  getGenerationUsage,
  listModels,
  getGenerationStatus,
  streamGeneration,
  setGenerationPublic,
  cancelGeneration,
  deleteGeneration,
  getGenerationFiles,
  payments,
  replicateWebhook,
  reconcile,
];

/** The whole API, with its dependencies. */
export function createApp(deps: Deps): OpenAPIHono<AppEnv> {
  const app = createRouter();
  app.use(head);
  app.use(observe(deps));
  app.use(cors);
  app.use(refuseLongAddress);
  app.use(emptyParameters);
  app.use(countKeyUsage());
  app.onError(handleErrors);
  app.notFound(handleNotFound);
  app.get("/", (c) => c.json({ name: "Cloud API", version, health: "/health", api: "/api/v1" }));
  for (const [at, endpoint] of endpoints.entries()) {
    app.route("/", endpoint);
    const later = new Set(endpoints.slice(at + 1).flatMap(pathsOf));
    for (const path of pathsOf(endpoint)) if (!later.has(path)) refuseOtherMethods(app, path);
  }
  return app;
}

const pathsOf = ({ routes }: (typeof endpoints)[number]) => [
  ...new Set(routes.filter(({ method }) => method !== "ALL").map(({ path }) => path)),
];

function refuseOtherMethods(app: OpenAPIHono<AppEnv>, path: string): void {
  app.all(path, (c) => {
    c.get("head").Allow = allowed(app, path);
    throw new ApiError("method_not_allowed");
  });
}

function allowed(app: OpenAPIHono<AppEnv>, path: string): string {
  const methods = app.routes
    .filter((route) => route.path === path && route.method !== "ALL")
    .map((route) => route.method);
  // Every path that answers GET answers HEAD too.
  return [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))].join(
    ", ",
  );
}
