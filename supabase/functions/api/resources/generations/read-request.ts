import {
  MaxFileSizeExceededError,
  MaxPartsExceededError,
  MaxTotalSizeExceededError,
  type MultipartPart,
  parseMultipartRequest,
} from "@remix-run/multipart-parser";
import { ApiError, invalidField, invalidFields } from "../../errors.ts";
import { toFieldErrors } from "../../openapi.ts";
import { type ImageType, readImageType } from "./image-type.ts";
import type { Options } from "./models.ts";
import { generationJsonSchema, maxFileBytes, maxFiles } from "./schemas.ts";

export type UploadedImage = ImageType & { body: Uint8Array };
export type GenerationRequest = {
  prompt: string;
  options: Options;
  is_public: boolean;
  images: UploadedImage[];
};

const maxBodyBytes = maxFiles * maxFileBytes + 64 * 1024;
const fileFields = ["files", "example_images"];

/** @throws ApiError for whatever is wrong with a JSON body of POST /generation/generate-v2. */
export function parseGenerationJson(json: unknown): GenerationRequest {
  return { ...parseFields(json, ["body"]), images: [] };
}

/**
 * Reads the multipart body of POST /generation/generate-v2 as it arrives; a part over its limit ends the reading there.
 * @throws ApiError malformed_body, payload_too_large, file_too_large, unsupported_image, validation_failed
 */
export async function readGenerationForm(request: Request): Promise<GenerationRequest> {
  if (Number(request.headers.get("content-length")) > maxBodyBytes) throw new ApiError("payload_too_large");
  const images: UploadedImage[] = [];
  const fields: Record<string, string> = {};
  try {
    for await (const part of parseMultipartRequest(request, {
      maxFileSize: maxFileBytes,
      maxParts: maxFiles + 20,
      maxTotalSize: maxBodyBytes,
    })) {
      const name = (part.name ?? "").replace(/\[\]$/, "");
      if (fileFields.includes(name)) images.push(readImage(part, images.length));
      else fields[name] = part.text;
    }
  } catch (error) {
    throw toApiError(error);
  }
  if (images.length === 0) throw invalidField(["body", "files"], "send 1 to 5 pictures", "missing");
  const { instructions, is_public, aspect_ratio, seed } = fields;
  if (instructions === undefined) throw invalidField(["body", "instructions"], "is required", "missing");
  const parsed = parseFields(parseInstructions(instructions, { is_public, aspect_ratio, seed }), ["body"]);
  return { ...parsed, images };
}

function readImage(part: MultipartPart, index: number): UploadedImage {
  if (index >= maxFiles) throw invalidField(["body", "files"], `at most ${maxFiles} files`, "too_long");
  if (part.size === 0) throw invalidField(["body", "files", index], "is empty", "too_short");
  const body = new Uint8Array(part.arrayBuffer);
  const type = readImageType(body);
  if (type === null) throw new ApiError("unsupported_image");
  return { ...type, body };
}

/** `instructions` is plain text, or a JSON object with `prompt`. */
function parseInstructions(
  text: string,
  form: Record<"is_public" | "aspect_ratio" | "seed", string | undefined>,
): unknown {
  const flags: Record<string, unknown> = {};
  if (form.is_public !== undefined)
    flags.is_public = { true: true, "1": true, false: false, "0": false }[form.is_public.toLowerCase()];
  if (form.aspect_ratio !== undefined) flags.aspect_ratio = form.aspect_ratio;
  if (form.seed !== undefined) flags.seed = Number(form.seed);
  if (form.is_public !== undefined && flags.is_public === undefined)
    throw invalidField(["body", "is_public"], "must be true or false");
  if (/^\s*\{/.test(text)) {
    try {
      const json: unknown = JSON.parse(text);
      if (typeof json === "object" && json !== null && "prompt" in json) return { ...flags, ...json };
    } catch {
      // Not JSON after all: a prompt may begin with a brace.
    }
  }
  return { ...flags, prompt: text };
}

function parseFields(json: unknown, loc: string[]): Omit<GenerationRequest, "images"> {
  const result = generationJsonSchema.safeParse(json);
  if (!result.success) throw invalidFields(toFieldErrors(flatten(result.error.issues), loc.join(".")));
  const { is_public = false, aspect_ratio, seed } = result.data;
  const prompt = "prompt" in result.data ? result.data.prompt : result.data.instructions;
  return {
    prompt,
    is_public,
    options: { ...(aspect_ratio && { aspect_ratio }), ...(seed !== undefined && { seed }) },
  };
}

type Issue = { path: PropertyKey[]; message: string; code?: string; errors?: Issue[][] };

/** Of the two names for the prompt, the problems of the first one are told. */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => (issue.errors?.[0] ? flatten(issue.errors[0]) : [issue]));
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof MaxFileSizeExceededError) return new ApiError("file_too_large");
  if (error instanceof MaxTotalSizeExceededError) return new ApiError("payload_too_large");
  if (error instanceof MaxPartsExceededError) return new ApiError("malformed_body", { cause: error });
  return new ApiError("malformed_body", { cause: error });
}
