import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { isTerminal, type Job } from "./prediction-store.ts";
import { notFound } from "./problem.ts";
import { type Exchange, type Route, sendJson } from "./route.ts";

/** What needs no token: output files, the event stream, a page to look at, health. */
export const publicRoutes: Route[] = [
  ["GET", "/health", ({ response }) => sendJson(response, 200, { status: "ok" })],
  ["GET", "/files/:id/:name", getFile],
  ["HEAD", "/files/:id/:name", getFile],
  ["GET", "/stream/:id", streamPrediction],
  ["GET", "/p/:id", showPrediction],
];

function findJob({ service, params }: Exchange): Job {
  const job = service.store.get(params[0] ?? "");
  if (!job) throw notFound();
  return job;
}

async function getFile(exchange: Exchange): Promise<void> {
  const { service, params, request, response } = exchange;
  const job = service.store.get(params[0] ?? "");
  const file = job?.files.get(params[1] ?? "");
  const fault =
    job &&
    service.faults.takeOnRead(job.input.prompt, job.faults, [
      "file_gone",
      "file_huge",
      "file_not_image",
      "file_slow",
    ]);
  if (!file || fault?.kind === "file_gone") {
    response.writeHead(404, { "content-type": "text/plain" }).end("Not Found");
    return;
  }
  if (fault?.kind === "file_huge") return sendHuge(response, file, fault.bytes);
  if (fault?.kind === "file_slow") await pause(fault.ms);
  const body =
    fault?.kind === "file_not_image" ? Buffer.from("<!doctype html><title>Bad gateway</title>") : file;
  response.writeHead(200, {
    "content-type": "image/png",
    "content-length": body.length,
    "cache-control": "public, max-age=3600",
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** Starts as an image and goes on, with no length announced, as a careless receiver would fear. */
async function sendHuge(response: ServerResponse, file: Buffer, bytes: number): Promise<void> {
  response.writeHead(200, { "content-type": "image/png" });
  const filler = Buffer.alloc(256 * 1024);
  function* parts() {
    yield file.subarray(0, bytes);
    for (let left = bytes - file.length; left > 0; left -= filler.length) yield filler.subarray(0, left);
  }
  // A receiver that hangs up has done the right thing.
  await pipeline(parts(), response).catch(() => {});
}

async function streamPrediction(exchange: Exchange): Promise<void> {
  const { response } = exchange;
  const job = findJob(exchange);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  await job.finished;
  const { id, output, status, error } = job.prediction;
  for (const url of [output ?? []].flat()) response.write(`event: output\nid: ${id}\ndata: ${url}\n\n`);
  if (error) response.write(`event: error\nid: ${id}\ndata: ${JSON.stringify({ detail: error })}\n\n`);
  const reason =
    status === "canceled" ? { reason: "canceled" } : status === "failed" ? { reason: "error" } : {};
  response.end(`event: done\nid: ${id}\ndata: ${JSON.stringify(reason)}\n\n`);
}

function showPrediction(exchange: Exchange): void {
  const job = findJob(exchange);
  const { id, status, output, error, logs } = job.prediction;
  const images = [output ?? []].flat().map((url) => `<p><img alt="" src="${escapeHtml(url)}"></p>`);
  exchange.response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
  exchange.response.end(`<!doctype html><meta charset="utf-8"><title>${id}</title>
${isTerminal(job) ? "" : '<meta http-equiv="refresh" content="1">'}
<h1>${escapeHtml(job.input.prompt)}</h1><p>${status} ${escapeHtml(error ?? "")}</p>${images.join("")}
<pre>${escapeHtml(logs)}</pre>`);
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}
