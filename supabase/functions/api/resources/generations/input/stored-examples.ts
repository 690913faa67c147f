import type { StoredFile } from "../../../clients/storage.ts";
import type { Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { extensionOf } from "../files/image-type.ts";
import type { UploadedImage } from "./generation-request.ts";

/**
 * Stores pictures in `folder` of the bucket uploads and passes them to `use`. They are deleted when `use` refuses. When its outcome
 * is unknown they stay, since the generation may exist; the reconciler deletes orphans.
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
