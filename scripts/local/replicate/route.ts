import type { IncomingMessage, ServerResponse } from "node:http";
import type { Problem } from "./problem.ts";
import type { Service } from "./service.ts";

export type Exchange = {
  service: Service;
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  /** The groups of the route's path, decoded. */
  params: string[];
};

/** `[method, path, handler]`; a `:` part of the path is a parameter. */
export type Route = [method: string, path: string, handler: (exchange: Exchange) => void | Promise<void>];

/** The handler and parameters for a path, or undefined. */
export function findRoute(routes: Route[], method: string, path: string) {
  const parts = path.split("/").map(decodePart);
  for (const [wanted, pattern, handler] of routes) {
    const shape = pattern.split("/");
    if (wanted !== method || shape.length !== parts.length) continue;
    if (shape.every((part, i) => part.startsWith(":") || part === parts[i])) {
      return { handler, params: parts.filter((_, i) => shape[i]?.startsWith(":")) };
    }
  }
  return undefined;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

export function sendProblem(response: ServerResponse, problem: Problem): void {
  sendJson(response, problem.status, problem.body, problem.headers);
}
