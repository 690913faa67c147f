import type { StoredFile } from "../../../clients/storage.ts";
import type { Credentials, Deps } from "../../../context.ts";
import { ApiError, invalidField, invalidFields } from "../../../errors.ts";
import { ImageProbe } from "../files/image-probe.ts";
import { acceptImage, extensionOf } from "../files/image-type.ts";
import { fileTooLarge, generationFields, maxFileBytes } from "../schemas.ts";
import { requireUploads } from "../store.ts";
import { maxImages, optionIssues } from "./models.ts";
import type { GenerationRequest, UploadedImage } from "./read-request.ts";

/** The model for a request. @throws ApiError validation_failed when it cannot look at so many pictures, or has no such option. */
export function chooseModel(
  { env }: Deps,
  { model, images, upload_ids, options }: GenerationRequest,
): string {
  const count = images.length + upload_ids.length;
  const chosen = model ?? (count > 0 ? env.image_model : env.text_model);
  if (count > maxImages(chosen)) {
    const most = maxImages(chosen);
    throw invalidField(
      ["body", "files"],
      most === 0 ? "The model takes no pictures." : `The model takes at most ${most} of the pictures.`,
      "too_long",
    );
  }
  const issues = optionIssues(chosen, options, generationFields);
  if (issues.length > 0) throw invalidFields(issues);
  return chosen;
}

/**
 * Puts pictures under `folder` of bucket uploads and hands them to `use`. Nothing stays behind when `use` refuses; when its
 * outcome is unknown they stay, for the generation may exist, and the reconciler looks after them.
 */
export async function withStoredExamples<T>(
  deps: Deps,
  folder: string,
  images: UploadedImage[],
  use: (files: StoredFile[]) => Promise<T>,
): Promise<T> {
  const files = images.map(({ body, ...type }, index) => ({
    ...type,
    path: `${folder}/${index}.${extensionOf(type.content_type)}`,
    bytes: body.size,
  }));
  const uploads = await Promise.allSettled(
    images.map(({ body, content_type }, index) =>
      deps.storage.upload("uploads", files[index]?.path ?? "", body, content_type),
    ),
  );
  const failed = uploads.find((upload) => upload.status === "rejected");
  if (failed !== undefined) {
    await removeFiles(deps, files);
    throw failed.reason;
  }
  try {
    return await use(files);
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) await removeFiles(deps, files);
    throw error;
  }
}

async function removeFiles(deps: Deps, files: StoredFile[]): Promise<void> {
  const paths = files.map(({ path }) => path);
  await deps.storage
    .remove("uploads", paths)
    .catch((cause) => deps.log("warn", "uploaded files stay", { paths, cause }));
}

/**
 * The pictures that a browser put into Storage itself. Their content is looked at now: their sender chose name and type.
 * @throws ApiError upload_not_found, unsupported_image, file_too_large, those of the credentials
 */
export async function inspectUploads(
  { database, storage }: Deps,
  credentials: Credentials,
  ids: string[],
): Promise<StoredFile[]> {
  if (ids.length === 0) return [];
  const uploads = await requireUploads(database, credentials, ids);
  return Promise.all(
    uploads.map(async ({ path }) => {
      const file = await storage.open("uploads", path).catch((error: unknown) => {
        const isMissing = error instanceof ApiError && error.code === "image_not_found";
        throw isMissing ? new ApiError("upload_not_found") : error;
      });
      if (file.bytes > maxFileBytes) {
        await file.body.cancel();
        throw fileTooLarge();
      }
      return { ...(await readType(file.body)), path, bytes: file.bytes };
    }),
  );
}

/** Reads no further than the structure goes: behind metadata of any length, and not the pixels. */
async function readType(body: ReadableStream<Uint8Array>) {
  const probe = new ImageProbe();
  for await (const chunk of body) {
    probe.push(chunk);
    if (probe.reading !== undefined) break;
  }
  return acceptImage(probe.end());
}
