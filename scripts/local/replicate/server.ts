import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { localServer } from "../local-server.ts";
import { apiRoutes, checkToken } from "./api-routes.ts";
import { BoundedLog } from "./bounded-log.ts";
import { controlRoutes } from "./control-routes.ts";
import { FaultRules } from "./faults.ts";
import { PredictionRunner } from "./prediction-runner.ts";
import { PredictionStore } from "./prediction-store.ts";
import { notFound, Problem } from "./problem.ts";
import { publicRoutes } from "./public-routes.ts";
import { findRoute, sendProblem } from "./route.ts";
import type { Call, Log, Service } from "./service.ts";
import { WebhookSender } from "./webhook-sender.ts";

type ReplicateOptions = {
  api_token: string;
  /** `whsec_` and base64. */
  webhook_secret: string;
  /** 0, the default, takes any free port. */
  port?: number;
  host?: string;
  /** How long a prediction takes. */
  prediction_ms?: number;
  /** How long after its completion the data of a prediction is kept. */
  file_ttl_ms?: number;
  /** Waits between the tries of the last webhook of a prediction. */
  webhook_retry_ms?: number[];
  webhook_timeout_ms?: number;
  max_predictions?: number;
  log?: Log;
};

export type ReplicateServer = {
  /** Without a slash at the end; the API is under `/v1`. */
  url: string;
  faults: FaultRules;
  close: () => Promise<void>;
};

/** Starts the look-alike in this process. Rejects when the port is taken or the secret is not base64. */
export async function startReplicate(options: ReplicateOptions): Promise<ReplicateServer> {
  const { host = "127.0.0.1", port = 0, log = () => {} } = options;
  const store = new PredictionStore({
    jobs: options.max_predictions ?? 500,
    bytes: 256 * 1024 * 1024,
    file_ttl_ms: options.file_ttl_ms ?? 3_600_000,
  });
  const webhooks = new WebhookSender({
    secret: options.webhook_secret,
    retry_ms: options.webhook_retry_ms ?? [1000, 3000, 8000, 16_000, 30_000],
    timeout_ms: options.webhook_timeout_ms ?? 10_000,
    log,
  });
  const prediction_ms = options.prediction_ms ?? 1500;
  const runner = new PredictionRunner({ store, webhooks, prediction_ms, url: () => service.url, log });
  const service: Service = {
    url: "",
    api_token: options.api_token,
    webhook_secret: options.webhook_secret,
    store,
    runner,
    webhooks,
    faults: new FaultRules(),
    calls: new BoundedLog<Call>(5000),
    log,
  };
  const server = localServer((request, response) => handle(service, request, response), {
    name: "The Replicate look-alike",
    pages: "local",
    // Whoever lets it listen elsewhere, such as in a container of its own, calls it by that name.
    hosts: [host],
    report: (line) => log("error", line),
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const reachable =
    host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  service.url = `http://${reachable}:${(server.address() as AddressInfo).port}`;
  const sweep = setInterval(() => store.expireAll(), 60_000).unref();

  const close = async () => {
    clearInterval(sweep);
    webhooks.close();
    for (const job of store.list()) job.abort.abort();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  return { url: service.url, faults: service.faults, close };
}

async function handle(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", service.url);
    const method = request.method ?? "GET";
    const open = findRoute([...publicRoutes, ...controlRoutes], method, url.pathname);
    const route = open ?? findRoute(apiRoutes, method, url.pathname);
    const exchange = { service, request, response, url, params: route?.params ?? [] };
    if (!open) checkToken(exchange);
    if (!route) throw notFound();
    await route.handler(exchange);
  } catch (error) {
    // What is left of the body is read and dropped, so that the client can read the answer.
    request.resume();
    if (response.headersSent || response.destroyed) return void response.destroy();
    if (!(error instanceof Problem)) service.log("error", "request broke", { error: String(error) });
    const problem =
      error instanceof Problem
        ? error
        : new Problem(500, { title: "Internal server error", detail: "Oops." });
    sendProblem(response, problem);
  }
}
