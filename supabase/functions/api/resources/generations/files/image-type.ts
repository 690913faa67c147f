import { ApiError } from "../../../errors.ts";
import type { ContentType } from "./image-formats.ts";
import { ImageProbe, type ImageReading, maxDimension } from "./image-probe.ts";

export type ImageType = { content_type: ContentType; width: number; height: number };

const extensions = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const;
export const extensionOf = (contentType: ContentType) => extensions[contentType];

/** Reads the format from the content, not from the name. */
export function readImage(bytes: Uint8Array): ImageReading {
  const probe = new ImageProbe();
  probe.push(bytes);
  return probe.end();
}

/** The type of an uploaded picture: a JPEG, PNG or WebP with a valid structure and sides of 1 to 8192. @throws ApiError unsupported_image, too_many_pixels */
export function acceptImage(reading: ImageReading): ImageType {
  if (reading.kind !== "other") {
    const { kind, content_type, width, height } = reading;
    if (kind === "image") return { content_type, width, height };
    throw new ApiError("too_many_pixels", {
      detail: `A picture has ${width} × ${height} pixels. Scale it down to at most ${maxDimension} pixels per side.`,
    });
  }
  const { name } = reading;
  if (name === null) throw new ApiError("unsupported_image");
  const wayOut =
    name === "HEIC"
      ? "Export it as JPEG, or set the camera of the phone to “Most compatible”."
      : "Send it as JPEG, PNG or WebP.";
  throw new ApiError("unsupported_image", {
    detail: `A file has the format ${name}, which is not accepted. ${wayOut}`,
  });
}
