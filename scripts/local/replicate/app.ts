import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { HTTPException } from "hono/http-exception";
import { z } from "zod";
import type { NodeBindings } from "../local-server.ts";
import { type FaultRules, faultRuleSchema, faultsInPrompt, findFault } from "./faults.ts";
import type { Job } from "./job.ts";
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
};

/** One call of the API. `status` is null until it is answered, 0 when the connection was cut instead. */
type Call = {
  call: "create" | "get" | "cancel";
  model: string | null;
  prediction_id: string | null;
  prompt: string | null;
  status: number | null;
};

type Env = { Bindings: NodeBindings; Variables: { call: Call; job: Job } };

/** The page size of the real service. */
const pageSize = 100;
const maxBodyBytes = 30 * 1024 * 1024;

const createSchema = z.strictObject({
  version: z.string().optional(),
  input: z.record(z.string(), z.unknown()),
  stream: z.boolean().optional(),
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  webhook_events_filter: z.array(z.enum(["start", "output", "logs", "completed"])).optional(),
});

export function createApp({ token, webhookSecret, predictions, webhooks, faults }: Service): Hono<Env> {
  const app = new Hono<Env>();
  const calls: Call[] = [];

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
  const onError = () => {
    throw problem(413, { title: "Request entity too large", detail: "The request body is too large." });
  };
  app.use(bodyLimit({ maxSize: maxBodyBytes, onError }));

  app.get("/v1/account", (c) =>
    c.json({ type: "user", username: "local", name: "Local look-alike", github_url: null }),
  );
  app.get("/v1/webhooks/default/secret", (c) => c.json({ key: webhookSecret }));
  // By a model's name in the path, or by the version in the body.
  app.post("/v1/predictions", logged("create"), (c) => create(c, undefined));
  app.post("/v1/models/:owner/:name/predictions", logged("create"), (c) =>
    create(c, `${c.req.param("owner")}/${c.req.param("name")}`),
  );
  app.get("/v1/predictions", (c) => {
    const all = predictions.list();
    const start = Math.max(0, Math.trunc(Number(c.req.query("cursor")) || 0));
    const end = start + pageSize;
    const address = (at: number) => `${new URL("/v1/predictions", c.req.url)}?cursor=${at}`;
    return c.json({
      previous: start > 0 ? address(Math.max(0, start - pageSize)) : null,
      next: end < all.length ? address(end) : null,
      results: all.slice(start, end),
    });
  });
  app.get("/v1/predictions/:id", logged("get"), known, (c) => {
    const { job } = c.var;
    if (faults.take(job.prompt, ["wrong_get"], job.faults)) throw refusal(500);
    return c.json(job.prediction);
  });
  app.post("/v1/predictions/:id/cancel", logged("cancel"), known, (c) => {
    predictions.cancel(c.var.job);
    return c.json(c.var.job.prediction);
  });

  app.get("/files/:id/:name", async (c) => {
    const job = predictions.get(c.req.param("id"));
    const file = predictions.file(c.req.path);
    const fault =
      job && faults.take(job.prompt, ["file_gone", "file_huge", "file_not_image", "file_slow"], job.faults);
    if (file === undefined || fault?.kind === "file_gone") return c.text("Not Found", 404);
    const headers = { "content-type": "image/png", "cache-control": "public, max-age=3600" };
    if (fault?.kind === "file_huge") {
      const pieces = Readable.from(hugeFile(file, fault.bytes));
      return c.body(Readable.toWeb(pieces) as ReadableStream, 200, headers);
    }
    if (fault?.kind === "file_slow") await pause(fault.ms);
    const isPage = fault?.kind === "file_not_image";
    return c.body(isPage ? "<!doctype html><title>Bad gateway</title>" : new Uint8Array(file), 200, headers);
  });

  // These paths are for tests. Every local server accepts only requests from this machine. The real service has no such paths.
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

  function logged(name: Call["call"]): MiddlewareHandler<Env> {
    return async (c, next) => {
      const prediction_id = c.req.param("id") ?? null;
      const call: Call = { call: name, model: null, prediction_id, prompt: null, status: null };
      c.set("call", call);
      bounded(calls).push(call);
      await next();
      call.status ??= c.res.status;
    };
  }

  async function known(c: Context<Env>, next: () => Promise<void>): Promise<void> {
    const job = predictions.get(c.req.param("id") ?? "");
    if (job === undefined) throw notFound();
    Object.assign(c.var.call, { model: job.prediction.model, prompt: job.prompt });
    c.set("job", job);
    await next();
  }

  async function create(c: Context<Env>, name: string | undefined): Promise<Response> {
    const { call } = c.var;
    const body = createSchema.safeParse(
      await c.req.json().catch(() => {
        throw problem(400, { title: "Bad request", detail: "The request body is not valid JSON." });
      }),
    );
    if (!body.success) throw invalidInput(body.error);
    const { input, version } = body.data;
    const prompt = typeof input.prompt === "string" ? input.prompt : "";
    Object.assign(call, { prompt, model: name ?? null });

    const refused = faults.take(prompt, ["refuse", "reset"], faultsInPrompt(prompt));
    if (refused?.kind === "reset") return cut(c);
    if (refused?.kind === "refuse") throw refusal(refused.status, refused.retry_after);

    const model = findModel(name, version);
    if (!model) throw notFound(name === undefined);
    const valid = model.input.safeParse(input);
    if (!valid.success) throw invalidInput(valid.error, "input.");
    const { origin } = new URL(c.req.url);
    const asked = { model, prompt, faults: faults.takeForPrediction(prompt), origin };
    const job = predictions.create(asked, body.data);
    Object.assign(call, { model: model.id, prediction_id: job.prediction.id });
    // The answer shows the state at the creation, not the current state.
    const created = { ...job.prediction };
    if (findFault(job.faults, "drop")) return cut(c);
    const held = findFault(job.faults, "hold");
    if (held) await pause(held.ms);

    const wait = /\bwait(?:=(\d+))?/.exec(c.req.header("prefer") ?? "");
    if (!wait) return c.json(created, 201);
    const longest_ms = Math.min(60, Number(wait[1] ?? 60)) * 1000;
    await Promise.race([job.ended, pause(longest_ms, undefined, { ref: false })]);
    return c.json(job.prediction, job.prediction.completed_at === null ? 202 : 201);
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

function cut(c: Context<Env>): Response {
  c.var.call.status = 0;
  c.env.incoming.socket.destroy();
  return c.body(null);
}

/** A file that begins as an image and is too large, without a declared length. */
function* hugeFile(file: Buffer, bytes: number): Generator<Uint8Array> {
  yield file.subarray(0, bytes);
  const filler = new Uint8Array(256 * 1024);
  for (let left = bytes - file.length; left > 0; left -= filler.length) yield filler.subarray(0, left);
}

/** `match` is a part of the prompt or a whole prediction id. The result is oldest first. */
function matching<T extends { prompt: string | null; prediction_id: string | null }>(
  entries: T[],
  match = "",
): T[] {
  return entries.filter(
    ({ prompt, prediction_id }) => match === "" || prediction_id === match || prompt?.includes(match),
  );
}
