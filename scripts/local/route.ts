import { type FunctionName, functionNames } from "./settings.ts";

export type Destination =
  | { kind: "function"; name: FunctionName; path: string }
  /** Auth, REST or Storage. */
  | { kind: "platform" }
  /** Auth's administration, with the path after `/auth/v1/admin`. */
  | { kind: "admin"; path: string }
  /** The documentation, with the path after `/docs`. */
  | { kind: "docs"; path: string }
  | { kind: "openapi" }
  /** A page for browsers, the api function's index for everybody else. */
  | { kind: "index" }
  | { kind: "unknown" };

const platformPattern = /^\/(?:auth|rest|storage)\/v1(?:[/?]|$)/;
const adminPattern = /^\/auth\/v1\/admin(\/[^?]*)/;
const functionPattern = /^\/functions\/v1\/*(\/([\w-]+)(?:[/?].*)?)$/;
const apiRoot = /^\/(api|generation|health)(?:[/?]|$)/;

/** A server behind a prefix would resolve these and serve a path outside the prefix. */
const climbingPath = /^[^?#]*[/\\](\.|%2e){1,2}([/\\?#]|$)/i;

/** The destination of a request target, and the path for the function, which begins with its name. */
export function destinationOf(target: string): Destination {
  const url = target.replace(/^\/{2,}/, "/");
  if (climbingPath.test(url)) return { kind: "unknown" };
  const root = apiRoot.exec(url)?.[1];
  if (root !== undefined) return { kind: "function", name: root as FunctionName, path: url };
  const [, path = "", name = ""] = functionPattern.exec(url) ?? [];
  if (isFunction(name)) return { kind: "function", name, path };
  const admin = adminPattern.exec(url)?.[1];
  if (admin !== undefined) return { kind: "admin", path: admin.replace(/\/$/, "") };
  if (platformPattern.test(url)) return { kind: "platform" };
  const docs = /^\/docs(\/[^?]*)?(?:\?.*)?$/.exec(url);
  if (docs !== null) return { kind: "docs", path: docs[1] ?? "" };
  if (/^\/openapi\.json(?:\?.*)?$/.test(url)) return { kind: "openapi" };
  if (/^\/(?:\?.*)?$/.test(url)) return { kind: "index" };
  return { kind: "unknown" };
}

function isFunction(name: string): name is FunctionName {
  return (functionNames as readonly string[]).includes(name);
}
