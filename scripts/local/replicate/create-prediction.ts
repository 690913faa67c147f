import { setTimeout as pause } from "node:timers/promises";
import { readJson } from "./http-body.ts";
import { checkInput, findByVersion, findModel, type Input, type Model } from "./models.ts";
import {
  isTerminal,
  type Job,
  type Prediction,
  predictionId,
  type WebhookEvent,
} from "./prediction-store.ts";
import { type InvalidField, invalidInput, invalidVersion, notFound, refusal } from "./problem.ts";
import { type Exchange, sendJson } from "./route.ts";
import type { Call } from "./service.ts";

const FIELDS = ["input", "version", "stream", "webhook", "webhook_events_filter"];
const EVENTS = ["start", "output", "logs", "completed"];

/** Both create calls: by a model's name in the path, or by the version in the body. */
export async function createPrediction(
  exchange: Exchange,
  named: { owner: string; name: string } | undefined,
): Promise<void> {
  const { service, request, response } = exchange;
  const call = record(exchange, named);
  const body = await readJson(request);
  const input = checkBody(body, !named);
  const prompt = typeof input.prompt === "string" ? input.prompt : "";
  call.prompt = prompt;
  call.model ??= String(body.version);

  const refused = service.faults.takeBeforeCreation(prompt);
  if (refused?.kind === "reset") return cut(exchange, call);
  if (refused) throw refusal(refused.status, refused.retry_after);

  const model = named ? findOfficial(named) : findByVersion(String(body.version));
  if (!model) throw named ? notFound() : invalidVersion();
  const byVersion = /[0-9a-f]{64}$/.test(String(body.version ?? ""));
  const job = newJob(exchange, model, checkInput(model, input), body, byVersion);
  call.model = job.prediction.model;
  call.prediction_id = job.prediction.id;
  applyDeadline(exchange, job);
  service.store.add(job);
  // The answer shows the state at creation, not what the first tick made of it.
  const created = JSON.stringify(job.prediction);
  void service.runner.run(job);
  if (job.faults.find("drop")) return cut(exchange, call);
  const held = job.faults.find("hold");
  if (held) await pause(held.ms);

  const wait_ms = preferredWait(request.headers.prefer);
  if (wait_ms === 0) {
    response.writeHead(201, { "content-type": "application/json" });
    response.end(created);
    return;
  }
  await finishedWithin(job, wait_ms);
  sendJson(response, isTerminal(job) ? 201 : 202, job.prediction);
}

function record({ service, url, response }: Exchange, named?: { owner: string; name: string }): Call {
  const call = service.calls.add({
    at: new Date().toISOString(),
    call: "create",
    path: url.pathname,
    model: named ? `${named.owner}/${named.name}` : null,
    prediction_id: null,
    prompt: null,
    status: null,
  });
  response.once("finish", () => {
    call.status = response.statusCode;
  });
  return call;
}

function cut({ request }: Exchange, call: Call): void {
  call.status = 0;
  request.socket.destroy();
}

/** The input of a well-formed body; throws the service's 422. */
function checkBody(body: Record<string, unknown>, versioned: boolean): Record<string, unknown> {
  const faults: InvalidField[] = [];
  const allowed = versioned ? FIELDS : FIELDS.filter((field) => field !== "version");
  const { input, webhook, webhook_events_filter: filter } = body;
  const required = (field: string) =>
    faults.push({ type: "required", field: "", description: `${field} is required` });
  if (versioned && typeof body.version !== "string") required("version");
  if (input === undefined) required("input");
  else if (typeof input !== "object" || input === null || Array.isArray(input)) {
    faults.push({ type: "invalid_type", field: "input", description: "Invalid type. Expected: object" });
  }
  for (const field of Object.keys(body)) {
    if (allowed.includes(field)) continue;
    const description = `Additional property ${field} is not allowed`;
    faults.push({ type: "additional_property_not_allowed", field: "", description });
  }
  if (
    webhook !== undefined &&
    !(typeof webhook === "string" && /^https?:\/\//.test(webhook) && URL.canParse(webhook))
  ) {
    faults.push({ type: "format", field: "webhook", description: "Does not match format 'uri'" });
  }
  if (filter !== undefined && !(Array.isArray(filter) && filter.every((event) => EVENTS.includes(event)))) {
    const description = `webhook_events_filter must be one of the following: ${EVENTS.map((e) => `"${e}"`).join(", ")}`;
    faults.push({ type: "enum", field: "webhook_events_filter", description });
  }
  if (faults.length > 0) throw invalidInput(faults);
  return input as Record<string, unknown>;
}

function findOfficial({ owner, name }: { owner: string; name: string }): Model | undefined {
  const model = findModel(owner, name);
  return model?.official ? model : undefined;
}

function newJob(
  { service }: Exchange,
  model: Model,
  input: Input,
  body: Record<string, unknown>,
  byVersion: boolean,
): Job {
  const id = predictionId();
  const get = `${service.url}/v1/predictions/${id}`;
  const prediction: Prediction = {
    id,
    model: `${model.owner}/${model.name}`,
    version: byVersion ? model.version : "hidden",
    input,
    logs: "",
    output: null,
    data_removed: false,
    error: null,
    source: "api",
    status: "starting",
    created_at: new Date().toISOString(),
    started_at: null,
    completed_at: null,
    ...(body.webhook ? { webhook: String(body.webhook) } : {}),
    ...(body.webhook_events_filter
      ? { webhook_events_filter: body.webhook_events_filter as WebhookEvent[] }
      : {}),
    urls: {
      get,
      cancel: `${get}/cancel`,
      stream: `${service.url}/stream/${id}`,
      web: `${service.url}/p/${id}`,
    },
  };
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const faults = service.faults.takeForPrediction(input.prompt);
  const abort = new AbortController();
  return { prediction, model, input, faults, abort, finished, finish, files: new Map() };
}

/** `Cancel-After: 90`, `90s`, `1m30s`: at least five seconds. */
function applyDeadline({ request, service }: Exchange, job: Job): void {
  const text = String(request.headers["cancel-after"] ?? "").trim();
  const [, h, m, s, bare] = /^(?:(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?|(\d+))$/.exec(text) ?? [];
  const seconds = Number(bare ?? 0) + Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0);
  if (seconds < 5) return;
  job.prediction.deadline = new Date(Date.now() + seconds * 1000).toISOString();
  const timer = setTimeout(
    () => service.runner.cancel(job, job.prediction.started_at ? "canceled" : "aborted"),
    Math.min(seconds * 1000, 2 ** 31 - 1),
  );
  timer.unref();
  void job.finished.then(() => clearTimeout(timer));
}

/** `Prefer: wait` or `wait=10`, at most 60 seconds; 0 when it is not wished. */
function preferredWait(prefer: string | string[] | undefined): number {
  const [wished, seconds] = /(?:^|[,;\s])wait(?:=(\d+))?/.exec(String(prefer ?? "")) ?? [];
  return wished === undefined ? 0 : Math.min(60, Math.max(1, Number(seconds ?? 60))) * 1000;
}

async function finishedWithin(job: Job, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([job.finished, late]);
  clearTimeout(timer);
}
