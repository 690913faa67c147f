import { setTimeout as pause } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";
import { z } from "zod";
import { type FaultRules, faultRuleSchema, faultsInPrompt, findFault } from "./faults.ts";
import type { Job } from "./job.ts";
import type { Log } from "./log.ts";
import { findModel } from "./models.ts";
import type { Predictions } from "./predictions.ts";
import { notFound, problem, refusal } from "./problem.ts";
import { bounded, type WebhookSender } from "./webhook-sender.ts";

type Service = {
  token: string;
  webhookSecret: string;
  predictions: Predictions;
  webhooks: WebhookSender;
  faults: FaultRules;
  log: Log;
};

/** One call of the API. `status` is null until it is answered, 0 when the connection was cut instead. */
type Call = {
  call: "create" | "get" | "cancel";
  model: string | null;
  prediction_id: string | null;
  prompt: string | null;
  status: number | null;
};

type App = { Bindings: HttpBindings };

const pageSize = 100;
const maxBodyBytes = 30 * 1024 * 1024;

const createSchema = z.strictObject({
  version: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  stream: z.boolean().optional(),
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  webhook_events_filter: z.array(z.enum(["start", "output", "logs", "completed"])).optional(),
});

export function createApp({ token, webhookSecret, predictions, webhooks, faults, log }: Service): Hono<App> {
  const app = new Hono<App>();
  const calls: Call[] = [];

  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    log("error", "request broke", { error: String(error) });
    return c.json({ title: "Internal server error", detail: "Oops.", status: 500 }, 500);
  });
  app.notFound(() => notFound().getResponse());

  app.get("/health", (c) => c.json({ status: "ok" }));

  app.use("/v1/*", async (c, next) => {
    const sent = /^(?:Bearer|Token)\s+(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    if (sent === token) return next();
    const detail = sent
      ? "You did not pass a valid authentication token"
      : "You did not pass an authentication token";
    throw problem(401, { title: "Unauthenticated", detail });
  });
  app.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: () =>
        problem(413, {
          title: "Request entity too large",
          detail: "The request body is too large.",
        }).getResponse(),
    }),
  );

  app.get("/v1/account", (c) =>
    c.json({ type: "user", username: "local", name: "Local look-alike", github_url: null }),
  );
  app.get("/v1/webhooks/default/secret", (c) => c.json({ key: webhookSecret }));
  app.post("/v1/predictions", (c) => create(c, undefined));
  app.post("/v1/models/:owner/:name/predictions", (c) =>
    create(c, `${c.req.param("owner")}/${c.req.param("name")}`),
  );

  app.get("/v1/predictions", (c) => {
    const start = Math.max(0, Math.trunc(Number(c.req.query("cursor")) || 0));
    const all = predictions.list();
    const page = (at: number) => `${predictions.url}/v1/predictions?cursor=${at}`;
    return c.json({
      previous: start > 0 ? page(Math.max(0, start - pageSize)) : null,
      next: start + pageSize < all.length ? page(start + pageSize) : null,
      results: all.slice(start, start + pageSize),
    });
  });

  app.get("/v1/predictions/:id", (c) => {
    const { job, call } = recorded(c.req.param("id"), "get");
    call.status = 500;
    if (faults.take(job.prompt, ["wrong_get"], job.faults)) throw refusal(500);
    call.status = 200;
    return c.json(job.prediction);
  });

  app.post("/v1/predictions/:id/cancel", (c) => {
    const { job, call } = recorded(c.req.param("id"), "cancel");
    predictions.cancel(job);
    call.status = 200;
    return c.json(job.prediction);
  });

  app.get("/files/:id/:name", async (c) => {
    const job = predictions.get(c.req.param("id"));
    const file = predictions.file(c.req.path);
    const fault =
      job && faults.take(job.prompt, ["file_gone", "file_huge", "file_not_image", "file_slow"], job.faults);
    if (file === undefined || fault?.kind === "file_gone") return c.text("Not Found", 404);
    if (fault?.kind === "file_huge") return sendHuge(c, file, fault.bytes);
    if (fault?.kind === "file_slow") await pause(fault.ms);
    const body =
      fault?.kind === "file_not_image" ? "<!doctype html><title>Bad gateway</title>" : new Uint8Array(file);
    return c.body(body, 200, { "content-type": "image/png", "cache-control": "public, max-age=3600" });
  });

  // For tests, from this machine: the door of every local server lets nobody else in. The real service has none of it.
  app.get("/_faults", (c) => c.json(faults.list()));
  app.post("/_faults", async (c) => {
    const rule = faultRuleSchema.safeParse(await c.req.json());
    if (!rule.success) throw problem(422, { title: "Invalid fault", detail: rule.error.message });
    faults.add(rule.data);
    return c.json(rule.data, 201);
  });
  app.delete("/_faults", (c) => {
    faults.clear();
    return c.body(null, 204);
  });
  app.get("/_calls", (c) => c.json(matching(calls, c.req.query("match"))));
  app.get("/_webhooks", (c) => c.json(matching(webhooks.deliveries, c.req.query("match"))));

  return app;

  /** Both create calls: by a model's name in the path, or by the version in the body. */
  async function create(c: Context<App>, name: string | undefined): Promise<Response> {
    const call = record({
      call: "create",
      model: name ?? null,
      prediction_id: null,
      prompt: null,
      status: null,
    });
    try {
      return await createRecorded(c, name, call);
    } catch (error) {
      call.status = error instanceof HTTPException ? error.status : 500;
      throw error;
    }
  }

  async function createRecorded(c: Context<App>, name: string | undefined, call: Call): Promise<Response> {
    const body = createSchema.safeParse(
      await c.req.json().catch(() => {
        throw problem(400, { title: "Bad request", detail: "The request body is not valid JSON." });
      }),
    );
    if (!body.success) throw invalidInput(body.error);
    const { input, version } = body.data;
    const prompt = typeof input.prompt === "string" ? input.prompt : "";
    call.prompt = prompt;

    const refused = faults.take(prompt, ["refuse", "reset"], faultsInPrompt(prompt));
    if (refused?.kind === "reset") return cut(c, call);
    if (refused?.kind === "refuse") throw refusal(refused.status, refused.retry_after);

    const model = findModel(name, version);
    if (!model)
      throw name
        ? notFound()
        : problem(422, {
            title: "Invalid version or not permitted",
            detail: "The specified version does not exist",
          });
    const valid = model.input.safeParse(input);
    if (!valid.success) throw invalidInput(valid.error, "input.");
    const job = predictions.create(model, body.data, prompt, faults.takeForPrediction(prompt));
    call.model = model.id;
    call.prediction_id = job.prediction.id;
    // The answer shows the state at creation, not what became of it since.
    const created = { ...job.prediction };
    if (findFault(job.faults, "drop")) return cut(c, call);
    const held = findFault(job.faults, "hold");
    if (held) await pause(held.ms);

    const waited = /\bwait(?:=(\d+))?/.exec(c.req.header("prefer") ?? "");
    if (waited)
      await Promise.race([
        job.ended,
        pause(Math.min(60, Number(waited[1] ?? 60)) * 1000, undefined, { ref: false }),
      ]);
    call.status = waited && job.prediction.completed_at === null ? 202 : 201;
    return c.json(waited ? job.prediction : created, call.status as 201);
  }

  function recorded(id: string, name: "get" | "cancel"): { job: Job; call: Call } {
    const job = predictions.get(id);
    const { model = null } = job?.prediction ?? {};
    const call = record({ call: name, model, prediction_id: id, prompt: job?.prompt ?? null, status: null });
    if (job) return { job, call };
    call.status = 404;
    throw notFound();
  }

  function record(call: Call): Call {
    bounded(calls).push(call);
    return call;
  }
}

function invalidInput(error: z.ZodError, at = ""): HTTPException {
  const fields = error.issues.map(({ code, path, message }) => ({
    type: code,
    field: at + path.join("."),
    description: message,
  }));
  const detail = fields.map(({ field, description }) => `- ${field}: ${description}\n`).join("");
  return problem(422, { title: "Input validation failed", detail, invalid_fields: fields });
}

function cut(c: Context<App>, call: Call): Response {
  call.status = 0;
  c.env.incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}

/** Starts as an image and goes on, with no length announced, as a careless receiver would fear. */
function sendHuge(c: Context, file: Buffer, bytes: number): Response {
  c.header("content-type", "image/png");
  return stream(c, async (out) => {
    await out.write(file.subarray(0, bytes));
    const filler = new Uint8Array(256 * 1024);
    for (let left = bytes - file.length; left > 0 && !out.aborted; left -= filler.length) {
      await out.write(filler.subarray(0, left));
    }
  });
}

/** `match` is a part of the prompt or a whole prediction id; the answer is oldest first. */
function matching<T extends { prompt: string | null; prediction_id: string | null }>(
  entries: T[],
  match = "",
): T[] {
  return entries.filter(
    ({ prompt, prediction_id }) => match === "" || prediction_id === match || prompt?.includes(match),
  );
}
