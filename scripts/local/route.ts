import { type FunctionName, functionNames } from "./settings.ts";

type Destination =
  | { kind: "function"; name: FunctionName; path: string }
  /** Auth, REST or Storage. */
  | { kind: "platform" }
  /** The documentation and its schema. */
  | { kind: "docs" }
  /** A page for browsers, the api function's index for everybody else. */
  | { kind: "index" }
  | { kind: "unknown" };

const functionPattern = /^\/functions\/v1\/*(\/([\w-]+)(?:[/?].*)?)$/;
const apiRoot = /^\/(api|generation|health)(?:[/?]|$)/;
const others = [
  ["platform", /^\/(?:auth|rest|storage)\/v1(?:[/?]|$)/],
  ["docs", /^\/(?:docs(?:[/?]|$)|openapi\.json(?:\?|$))/],
  ["index", /^\/(?:\?|$)/],
] as const;

/** A server behind a prefix would resolve these and serve a path outside the prefix. */
const climbingPath = /^[^?#]*[/\\](\.|%2e){1,2}([/\\?#]|$)/i;

/** The destination of a request target, and the path for the function, which begins with its name. */
export function destinationOf(target: string): Destination {
  if (climbingPath.test(target)) return { kind: "unknown" };
  const root = apiRoot.exec(target)?.[1];
  if (root !== undefined) return { kind: "function", name: root as FunctionName, path: target };
  const [, path = "", name = ""] = functionPattern.exec(target) ?? [];
  if (functionNames.some((known) => known === name))
    return { kind: "function", name: name as FunctionName, path };
  return { kind: others.find(([, pattern]) => pattern.test(target))?.[0] ?? "unknown" };
}

/** Clients that add a path to an address with a slash at its end begin with two. */
export const withoutDoubleSlash = (target: string) => target.replace(/^\/{2,}/, "/");
