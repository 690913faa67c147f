import {
  MaxFileSizeExceededError,
  MaxTotalSizeExceededError,
  parseMultipartRequest,
} from "@remix-run/multipart-parser";
import { ApiError, invalidField } from "../../errors.ts";
import { withSteadyBody } from "../../middleware/steady-body.ts";

const maxFormBytes = 16 * 1024;
const flags = new Map([
  ["true", true],
  ["1", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["off", false],
]);

/** A yes or no of a form. @throws ApiError validation_failed for anything else. */
export function readFlag(text: string | null): boolean {
  const flag = flags.get(text?.trim().toLowerCase() ?? "");
  if (flag === undefined) throw invalidField(["body", "is_public"], "must be true or false");
  return flag;
}

/** A multipart body of a few short fields. @throws ApiError malformed_body, payload_too_large */
export async function readSmallForm(request: Request): Promise<Record<string, string>> {
  const fields: Record<string, string> = {};
  try {
    const limits = { maxFileSize: maxFormBytes, maxTotalSize: maxFormBytes };
    for await (const part of parseMultipartRequest(withSteadyBody(request), limits))
      fields[part.name ?? ""] = part.text;
  } catch (error) {
    throw toBodyError(error);
  }
  return fields;
}

/** What the parser found wrong, in our words. */
export function toBodyError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof MaxFileSizeExceededError) return new ApiError("file_too_large");
  if (error instanceof MaxTotalSizeExceededError) return new ApiError("payload_too_large");
  return new ApiError("malformed_body", { cause: error });
}
