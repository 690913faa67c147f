import { type FaultRule, faultRuleSchema } from "./faults.ts";
import { readJson } from "./http-body.ts";
import { notFound, Problem } from "./problem.ts";
import { type Exchange, type Route, sendJson } from "./route.ts";

/** For tests; nothing here exists at the real service. */
export const controlRoutes: Route[] = [
  ["GET", "/_faults", local(({ service, response }) => sendJson(response, 200, service.faults.list()))],
  ["POST", "/_faults", local(addFault)],
  ["DELETE", "/_faults", local(clearFaults)],
  ["GET", "/_calls", local(listCalls)],
  ["GET", "/_webhooks", local(listWebhooks)],
];

/** From this machine only, and never for a page in a browser. */
function local(handler: (exchange: Exchange) => void | Promise<void>) {
  return (exchange: Exchange) => {
    const { request } = exchange;
    const address = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    if (request.headers.origin || !(address.startsWith("127.") || address === "::1")) throw notFound();
    return handler(exchange);
  };
}

async function addFault({ service, request, response }: Exchange): Promise<void> {
  const rule = faultRuleSchema.safeParse(await readJson(request));
  if (!rule.success) throw new Problem(422, { title: "Invalid fault", detail: rule.error.message });
  service.faults.add(rule.data as FaultRule);
  sendJson(response, 201, rule.data);
}

function clearFaults({ service, response }: Exchange): void {
  service.faults.clear();
  response.writeHead(204).end();
}

/** `match` is a part of the prompt or a whole prediction id; the answer is oldest first. */
function matcher(url: URL): (entry: { prompt: string | null; prediction_id: string | null }) => boolean {
  const match = url.searchParams.get("match") ?? "";
  return ({ prompt, prediction_id }) => match === "" || prediction_id === match || !!prompt?.includes(match);
}

function listCalls({ service, response, url }: Exchange): void {
  sendJson(response, 200, service.calls.filter(matcher(url)));
}

function listWebhooks({ service, response, url }: Exchange): void {
  sendJson(response, 200, service.webhooks.deliveries.filter(matcher(url)));
}
