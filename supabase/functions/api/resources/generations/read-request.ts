import { type MultipartPart, parseMultipartRequest } from "@remix-run/multipart-parser";
import { ApiError, invalidField, invalidFields } from "../../errors.ts";
import { isJson, readJson } from "../../middleware/body-type.ts";
import { limitsFor, withSteadyBody } from "../../middleware/steady-body.ts";
import { toFieldErrors } from "../../openapi.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type ImageType, readImageType } from "./image-type.ts";
import type { Options } from "./models.ts";
import { readFlag, toBodyError } from "./read-form.ts";
import { generationJsonSchema, maxFileBytes, maxFiles } from "./schemas.ts";

export type UploadedImage = ImageType & { body: Uint8Array };
export type GenerationRequest = {
  prompt: string;
  model: string | undefined;
  options: Options;
  is_public: boolean;
  upload_ids: string[];
  images: UploadedImage[];
};

const maxBodyBytes = maxFiles * maxFileBytes + 64 * 1024;
const fileFields = ["files", "example_images"];
/** Pictures of all requests that are being read or stored. Each is held twice for a moment, and the isolate has 256 MB. */
const bodies = new ByteBudget(24 * 1024 * 1024);

/**
 * Reads the body of a create, waiting for room in memory, and hands it to `use`; the room is given back afterwards.
 * @throws ApiError for whatever is wrong with the body.
 */
export async function withGenerationRequest<T>(
  request: Request,
  use: (request: GenerationRequest) => Promise<T>,
): Promise<T> {
  const type = request.headers.get("content-type") ?? "";
  if (isJson(type)) return use(parseGenerationJson(await readJson(request)));
  if (!/^multipart\/form-data\s*;/i.test(type)) {
    throw new ApiError("unsupported_media_type", {
      detail: "Unsupported Content-Type. Send multipart/form-data or application/json.",
    });
  }
  const release = await bodies.take(announcedBytes(request));
  try {
    return await use(await readGenerationForm(request));
  } finally {
    release();
  }
}

/** What does not say how long it is may be as long as any. @throws ApiError payload_too_large */
function announcedBytes({ headers }: Request): number {
  const bytes = Number(headers.get("content-length") ?? maxBodyBytes);
  if (bytes > maxBodyBytes) throw new ApiError("payload_too_large");
  return bytes;
}

/** @throws ApiError for whatever is wrong with a JSON body. */
export function parseGenerationJson(json: unknown): GenerationRequest {
  return { ...parseFields(json, ["body"]), images: [] };
}

/**
 * Reads a multipart body as it arrives; a part over its limit ends the reading there.
 * @throws ApiError malformed_body, payload_too_large, body_timeout, file_too_large, unsupported_image, validation_failed
 */
export async function readGenerationForm(request: Request): Promise<GenerationRequest> {
  const limits = limitsFor(announcedBytes(request));
  const images: UploadedImage[] = [];
  const fields: Record<string, string> = {};
  try {
    for await (const part of parseMultipartRequest(withSteadyBody(request, limits), {
      maxFileSize: maxFileBytes,
      maxParts: maxFiles + 20,
      maxTotalSize: maxBodyBytes,
    })) {
      const name = (part.name ?? "").replace(/\[\]$/, "");
      if (fileFields.includes(name)) images.push(readImage(part, images.length));
      else fields[name] = part.text;
    }
  } catch (error) {
    throw toBodyError(error);
  }
  if (images.length === 0) throw invalidField(["body", "files"], "send 1 to 5 pictures", "missing");
  const { instructions = fields.prompt, ...flags } = fields;
  if (instructions === undefined) throw invalidField(["body", "instructions"], "is required", "missing");
  return { ...parseFields(parseInstructions(instructions, flags), ["body"]), images };
}

function readImage(part: MultipartPart, index: number): UploadedImage {
  if (index >= maxFiles) throw invalidField(["body", "files"], `at most ${maxFiles} files`, "too_long");
  if (part.size === 0) throw invalidField(["body", "files", index], "is empty", "too_short");
  const body = new Uint8Array(part.arrayBuffer);
  // The pieces it was joined from are not needed any more; the parser would keep them until the next part.
  part.content.length = 0;
  const type = readImageType(body);
  if (type === null) throw new ApiError("unsupported_image");
  return { ...type, body };
}

/** `instructions` is plain text, or a JSON object with `prompt`. */
function parseInstructions(
  text: string,
  { is_public, aspect_ratio, seed, model }: Record<string, string | undefined>,
): unknown {
  const flags: Record<string, unknown> = {};
  if (is_public !== undefined) flags.is_public = readFlag(is_public);
  if (aspect_ratio !== undefined) flags.aspect_ratio = aspect_ratio;
  if (seed !== undefined) flags.seed = Number(seed);
  if (model !== undefined) flags.model = model;
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
  const { is_public = false, aspect_ratio, seed, model, upload_ids = [] } = result.data;
  const prompt = "prompt" in result.data ? result.data.prompt : result.data.instructions;
  return {
    prompt,
    model,
    is_public,
    upload_ids,
    options: { ...(aspect_ratio && { aspect_ratio }), ...(seed !== undefined && { seed }) },
  };
}

type Issue = { path: PropertyKey[]; message: string; code?: string; errors?: Issue[][] };

/** Of the two names for the prompt, the problems of the first one are told. */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => (issue.errors?.[0] ? flatten(issue.errors[0]) : [issue]));
}
