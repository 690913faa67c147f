import { timingSafeEqual } from "node:crypto";
import { createPrediction } from "./create-prediction.ts";
import { findModel, type Model } from "./models.ts";
import { isTerminal, type Job } from "./prediction-store.ts";
import { notFound, Problem, unauthenticated } from "./problem.ts";
import { type Exchange, type Route, sendJson } from "./route.ts";
import type { Call } from "./service.ts";

const PAGE = 100;

export const apiRoutes: Route[] = [
  ["POST", "/v1/predictions", (exchange) => createPrediction(exchange, undefined)],
  ["POST", "/v1/models/:owner/:name/predictions", createForModel],
  ["GET", "/v1/predictions", listPredictions],
  ["GET", "/v1/predictions/:id", getPrediction],
  ["POST", "/v1/predictions/:id/cancel", cancelPrediction],
  ["GET", "/v1/models/:owner/:name", getModel],
  ["GET", "/v1/account", getAccount],
  ["GET", "/v1/webhooks/default/secret", getWebhookSecret],
];

/** Throws the 401 of the service; `Token` is its older scheme and still accepted there. */
export function checkToken({ request, service }: Exchange): void {
  const [, token] = /^(?:Bearer|Token)\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const sent = Buffer.from(token ?? "");
  const wanted = Buffer.from(service.api_token);
  if (sent.length !== wanted.length || !timingSafeEqual(sent, wanted)) throw unauthenticated(sent.length > 0);
}

function createForModel(exchange: Exchange): Promise<void> {
  const [owner = "", name = ""] = exchange.params;
  return createPrediction(exchange, { owner, name });
}

function recordedJob(exchange: Exchange, call: Call["call"]): Job {
  const { service, params, url, response } = exchange;
  const id = params[0] ?? "";
  const job = service.store.get(id);
  const entry = service.calls.add({
    at: new Date().toISOString(),
    call,
    path: url.pathname,
    model: job?.prediction.model ?? null,
    prediction_id: id,
    prompt: job?.input.prompt ?? null,
    status: null,
  });
  response.once("finish", () => {
    entry.status = response.statusCode;
  });
  if (!job) throw notFound();
  return job;
}

function getPrediction(exchange: Exchange): void {
  const job = recordedJob(exchange, "get");
  if (exchange.service.faults.takeOnRead(job.input.prompt, job.faults, ["wrong_get"])) {
    throw new Problem(500, { title: "Internal server error", detail: "An internal error occurred." });
  }
  sendJson(exchange.response, 200, job.prediction);
}

function cancelPrediction(exchange: Exchange): void {
  const job = recordedJob(exchange, "cancel");
  if (!isTerminal(job)) exchange.service.runner.cancel(job);
  sendJson(exchange.response, 200, job.prediction);
}

function listPredictions({ service, url, response }: Exchange): void {
  const cursor = Number(url.searchParams.get("cursor") ?? 0);
  const start = Number.isInteger(cursor) && cursor > 0 ? cursor : 0;
  const jobs = service.store.list();
  const page = (at: number) => `${service.url}/v1/predictions?cursor=${at}`;
  sendJson(response, 200, {
    previous: start > 0 ? page(Math.max(0, start - PAGE)) : null,
    next: start + PAGE < jobs.length ? page(start + PAGE) : null,
    results: jobs.slice(start, start + PAGE).map((job) => job.prediction),
  });
}

function getModel({ params, response }: Exchange): void {
  const [owner = "", name = ""] = params;
  const model = findModel(owner, name);
  if (!model) throw notFound();
  sendJson(response, 200, describeModel(model));
}

function describeModel({ owner, name, description, official, version, output, images }: Model) {
  const uri = { type: "string", format: "uri" };
  return {
    url: `https://replicate.com/${owner}/${name}`,
    owner,
    name,
    description,
    visibility: "public",
    is_official: official,
    github_url: null,
    paper_url: null,
    license_url: null,
    run_count: 0,
    cover_image_url: null,
    default_example: null,
    latest_version: {
      id: version,
      created_at: "2025-01-01T00:00:00.000000Z",
      cog_version: "0.14.0",
      openapi_schema: {
        openapi: "3.0.2",
        info: { title: "Cog", version: "0.1.0" },
        paths: {},
        components: {
          schemas: {
            Input: {
              type: "object",
              required: ["prompt"],
              properties: {
                prompt: { type: "string", title: "Prompt" },
                ...Object.fromEntries(images.map((field) => [field, uri])),
              },
            },
            Output: output === "many" ? { type: "array", items: uri } : uri,
          },
        },
      },
    },
  };
}

function getAccount({ response }: Exchange): void {
  sendJson(response, 200, { type: "user", username: "local", name: "Local look-alike", github_url: null });
}

function getWebhookSecret({ response, service }: Exchange): void {
  sendJson(response, 200, { key: service.webhook_secret });
}
