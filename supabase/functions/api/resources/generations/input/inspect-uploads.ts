import type { StoredFile } from "../../../clients/storage.ts";
import type { Credentials, Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { ImageProbe } from "../files/image-probe.ts";
import { acceptImage } from "../files/image-type.ts";
import { requireUploads } from "../store.ts";
import { fileTooLarge, maxFileBytes } from "./schemas.ts";

/**
 * The pictures that a browser uploaded to Storage itself. Their content is checked, since the sender chose their name and type.
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

/** Reads only the structure of the picture: its metadata, but not its pixels. */
async function readType(body: ReadableStream<Uint8Array>) {
  const probe = new ImageProbe();
  for await (const chunk of body) {
    probe.push(chunk);
    if (probe.reading !== undefined) break;
  }
  return acceptImage(probe.end());
}
