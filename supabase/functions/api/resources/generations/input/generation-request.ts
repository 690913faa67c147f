import { withoutEmpty } from "../../../empty-as-absent.ts";
import { ApiError, invalidField, invalidFields } from "../../../errors.ts";
import { toFieldErrors } from "../../../field-errors.ts";
import { isJson, longerBytes, readJson, refuseCompressed } from "../../../middleware/read-json.ts";
import { isMultipart } from "../../../multipart.ts";
import type { Options } from "./model-input.ts";
import { maxFormBytes, readGenerationForm, type UploadedImage } from "./read-generation-form.ts";
import { readFlag } from "./read-small-form.ts";
import { generationFields, generationJsonSchema } from "./schemas.ts";
import { UploadRoom } from "./upload-room.ts";

export type { UploadedImage };
export type GenerationRequest = {
  prompt: string;
  model: string | undefined;
  options: Options;
  is_public: boolean;
  upload_ids: string[];
  images: UploadedImage[];
};

const megabyte = 1024 * 1024;
/** Room for the pictures of all requests that are read or stored. The isolate has 256 MB. */
const room = new UploadRoom(24 * megabyte, 8 * megabyte);

/**
 * Reads the body of a create while there is room in memory, passes it to `use`, and frees the room afterwards.
 * @throws ApiError for an invalid body
 */
export async function withGenerationRequest<T>(
  request: Request,
  client: string,
  use: (request: GenerationRequest) => Promise<T>,
): Promise<T> {
  const type = request.headers.get("content-type") ?? "";
  if (isJson(type)) return use(parseGenerationJson(await readJson(request, longerBytes)));
  if (!isMultipart(type)) {
    throw new ApiError("unsupported_media_type", {
      detail: "Unsupported Content-Type. Send multipart/form-data or application/json.",
    });
  }
  refuseCompressed(request.headers);
  if (Number(request.headers.get("content-length")) > maxFormBytes) throw new ApiError("payload_too_large");
  const place = await room.enter(client);
  try {
    const { fields, images } = await readGenerationForm(request, place);
    return await use(parseGenerationForm(fields, images));
  } finally {
    place.leave();
  }
}

/** @throws ApiError for an invalid body */
export function parseGenerationJson(json: unknown): GenerationRequest {
  return { ...parseFields(json), images: [] };
}

/** @throws ApiError validation_failed */
function parseGenerationForm(sent: Record<string, string>, images: UploadedImage[]): GenerationRequest {
  const fields = Object.fromEntries(Object.entries(sent).filter(([, value]) => value.trim() !== ""));
  const { instructions = fields.prompt, ...flags } = fields;
  if (instructions === undefined) throw invalidField(["body", "instructions"], "is missing", "missing");
  const { fields: known, options } = withoutOptions(parseInstructions(instructions, flags), flags);
  const request = parseFields(known);
  return { ...request, options: { ...options, ...request.options }, images };
}

/** `instructions` is plain text, or a JSON object with `prompt`. */
function parseInstructions(
  text: string,
  { is_public, aspect_ratio, seed, model, ...unknown }: Record<string, string | undefined>,
): Record<string, unknown> {
  const flags: Record<string, unknown> = { ...unknown };
  if (is_public !== undefined) flags.is_public = readFlag(is_public);
  if (aspect_ratio !== undefined) flags.aspect_ratio = aspect_ratio.trim();
  if (seed !== undefined) flags.seed = readSeed(seed);
  if (model !== undefined) flags.model = model.trim();
  if (/^\s*\{/.test(text)) {
    try {
      const json: unknown = JSON.parse(text);
      if (typeof json === "object" && json !== null && "prompt" in json) {
        return { ...flags, ...withoutEmpty(json) };
      }
    } catch {
      // It is not JSON. A prompt may begin with a brace.
    }
  }
  return { ...flags, prompt: text };
}

/** Other fields of the JSON are options of the model. They are checked when the model is known. */
function withoutOptions(json: Record<string, unknown>, sent: Record<string, unknown>) {
  const isOption = ([name]: [string, unknown]) =>
    !generationFields.includes(name) && !Object.hasOwn(sent, name);
  const entries = Object.entries(json);
  return {
    fields: Object.fromEntries(entries.filter((entry) => !isOption(entry))),
    options: Object.fromEntries(entries.filter(isOption)) as Options,
  };
}

function readSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text.trim())) {
    throw invalidField(["body", "seed"], "must be a whole number from 0 to 2147483647", "invalid_type");
  }
  return Number(text);
}

function parseFields(json: unknown): Omit<GenerationRequest, "images"> {
  const result = generationJsonSchema.safeParse(withoutEmpty(json));
  if (!result.success) throw invalidFields(toFieldErrors(result.error.issues, "body", json));
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
