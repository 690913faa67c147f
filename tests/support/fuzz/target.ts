import { randomInt } from "node:crypto";
import { portsFrom } from "../../../scripts/local/settings.ts";
import type { StackTarget } from "../stack.ts";
import type { Target } from "./callers.ts";

/** The function itself of an embedded stack, so that the requests can have their own client address and limits. */
export function fuzzTarget({
  embedded,
  urls,
  credentials,
}: Pick<StackTarget, "embedded" | "urls" | "credentials">): Target {
  const operator_key = credentials.operator_key ?? "";
  if (!embedded) return { base: urls.base, operator_key };
  const port = portsFrom(Number(new URL(urls.gateway).port)).functions.api;
  const address = `203.0.113.${randomInt(1, 255)}`;
  return { base: `http://127.0.0.1:${port}`, operator_key, headers: { "X-Forwarded-For": address } };
}
