import type { RequestOptions } from "./http.ts";
import { filesForm, type ImageFiles, toFiles } from "./image-files.ts";
import type { Body } from "./wire.ts";

/** Uploads of 50 MB may take long on a slow connection. */
export const uploadTimeoutMs = 120_000;

export type GenerationCreate = Extract<Body<"generations.create">, { prompt: string }> & {
  /** 1 to 5 pictures to work from: JPEG, PNG or WebP, at most 10 MB each. One, an array, or the FileList of an input. */
  files?: ImageFiles | null;
};
/** The body of a create: JSON, or a form when it has pictures. A form has a longer timeout. */
export async function generationBody({ files, ...body }: GenerationCreate, { signal }: RequestOptions) {
  const pictures = await toFiles(files, signal);
  return pictures.length === 0
    ? { sent: { body }, timeoutMs: undefined }
    : { sent: { form: filesForm(body, pictures) }, timeoutMs: uploadTimeoutMs };
}
