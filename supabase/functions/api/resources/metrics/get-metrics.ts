import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { describeService } from "../health/report/describe-service.ts";
import { callerRole, serviceReport } from "../health/store.ts";
import { contentType, renderMetrics } from "./exposition/render-metrics.ts";
import { requestMetrics, serviceMetrics } from "./exposition/service-metrics.ts";
import { listRequestCounts } from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/metrics",
  operationId: "metrics.scrape",
  summary: "Get metrics for Prometheus",
  description:
    "Requests of all instances by route and status, with their durations. Also open generations, mail, jobs and " +
    "connections. Scrape it with the header X-Operator-Key, at most every 15 seconds.",
  tags: ["Health"],
  security: security.operate,
  middleware: [credentials],
  responses: {
    200: {
      description: "The metrics in the Prometheus text format.",
      content: {
        "text/plain": {
          schema: z.string().openapi({
            description: "One line for each metric.",
            example: 'cloud_api_requests_total{method="GET",route="/api/v1/auth/me",status="200"} 42\n',
          }),
        },
      },
    },
    ...errors(checks.platform, "operators_only"),
  },
});

export const getMetrics = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const role = await callerRole(...c.get("caller"), "platform");
  if (role !== "operator") throw new ApiError("operators_only");
  await deps.requests.flush();
  const [parts, report, counts] = await Promise.all([
    deps.health.lookAll(),
    serviceReport(deps.database),
    listRequestCounts(deps.database),
  ]);
  const metrics = [...requestMetrics(counts), ...serviceMetrics(parts, describeService(deps, report))];
  return c.text(renderMetrics(metrics), 200, { "Content-Type": contentType });
});
