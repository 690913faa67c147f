import { type FunctionName, functionNames } from "./settings.ts";

type Destination =
  | { kind: "function"; name: FunctionName; path: string }
  /** Auth, REST or Storage. */
  | { kind: "platform" }
  /** The documentation and its schema. */
  | { kind: "docs" }
  /** A page for browsers, and the index of the function `api` for other clients. */
  | { kind: "index" }
  | { kind: "unknown" };

const functionPattern = /^\/functions\/v1\/*(\/([\w-]+)(?:[/?].*)?)$/;
const apiRoot = /^\/(api|generation|health)(?:[/?]|$)/;
const others = [
  ["platform", /^\/(?:auth|rest|storage)\/v1(?:[/?]|$)/],
  ["docs", /^\/(?:docs(?:[/?]|$)|openapi\.json(?:\?|$))/],
  ["index", /^\/(?:\?|$)/],
] as const;

/** Dot segments. A server behind a prefix would resolve them and serve a path outside the prefix. */
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

/** Removes a doubled slash at the beginning. Clients send it if their base URL ends with a slash. */
export const withoutDoubleSlash = (target: string) => target.replace(/^\/{2,}/, "/");
