import type { IncomingMessage } from "node:http";
import { malformed, tooLarge } from "./problem.ts";

const MAX_BYTES = 30 * 1024 * 1024;

/** A JSON object, or the problem to answer with. An oversized body is read to its end but not kept. */
export async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += (part as Buffer).length;
    if (size <= MAX_BYTES) parts.push(part as Buffer);
    else parts.length = 0;
  }
  if (size > MAX_BYTES) throw tooLarge();
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw malformed("The request body is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("The request body is not a JSON object.");
  }
  return value as Record<string, unknown>;
}
