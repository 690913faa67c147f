import { imageSize } from "image-size";

export type ImageType = {
  content_type: "image/jpeg" | "image/png" | "image/webp";
  width: number;
  height: number;
};

export const maxDimension = 8192;

const extensions = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const;
export const extensionOf = (contentType: ImageType["content_type"]) => extensions[contentType];

/**
 * What the content says it is, whatever its name says.
 * @returns null for anything but a JPEG, PNG or WebP whose header decodes and whose sides are 1 to 8192 pixels.
 */
export function readImageType(bytes: Uint8Array): ImageType | null {
  const contentType = sniff(bytes);
  if (contentType === null) return null;
  try {
    const { width, height } = imageSize(bytes);
    const valid = width >= 1 && height >= 1 && width <= maxDimension && height <= maxDimension;
    return valid ? { content_type: contentType, width, height } : null;
  } catch {
    return null;
  }
}

function sniff(bytes: Uint8Array): ImageType["content_type"] | null {
  const starts = (offset: number, ...values: number[]) =>
    values.every((value, index) => bytes[offset + index] === value);
  if (starts(0, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return "image/png";
  if (starts(0, 0xff, 0xd8, 0xff)) return "image/jpeg";
  if (starts(0, 0x52, 0x49, 0x46, 0x46) && starts(8, 0x57, 0x45, 0x42, 0x50)) return "image/webp";
  return null;
}
