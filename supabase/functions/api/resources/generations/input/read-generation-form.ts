import { invalidField } from "../../../errors.ts";
import { steadyBody, usualPace } from "../../../middleware/steady-body.ts";
import { readMultipart } from "../../../multipart.ts";
import { ImageProbe } from "../files/image-probe.ts";
import { acceptImage, type ImageType } from "../files/image-type.ts";
import { Pieces } from "./pieces.ts";
import { fileTooLarge, maxFileBytes, maxFiles } from "./schemas.ts";
import type { Place } from "./upload-room.ts";

export type UploadedImage = ImageType & { body: Pieces };
type GenerationForm = { fields: Record<string, string>; images: UploadedImage[] };

export const maxFormBytes = maxFiles * maxFileBytes + 256 * 1024;
const maxFieldBytes = 32 * 1024;
const pictureFields = ["files", "file", "images", "image", "example_images", "example_image"];

/** `files[]` and `files[0]` mean `files`. */
const plainName = (name: string) => name.replace(/\[\d{0,3}\]$/, "");

/**
 * Reads a multipart body as it arrives. Each file's structure is checked with its first bytes, and an invalid file ends the reading.
 * @throws ApiError malformed_body, payload_too_large, body_timeout, overloaded, file_too_large, unsupported_image,
 *   too_many_pixels, validation_failed
 */
export async function readGenerationForm(request: Request, place: Place): Promise<GenerationForm> {
  const fields: Record<string, string> = Object.create(null);
  const images: UploadedImage[] = [];
  const files: Pieces[] = [];
  let held = 0;
  const body = steadyBody(request, { ...usualPace, bytesPerSecond: place.bytesPerSecond });
  const limits = { parts: maxFiles + 20, fieldBytes: maxFieldBytes, totalBytes: maxFormBytes };
  await readMultipart(request.headers.get("content-type") ?? "", body, limits, {
    isFile: (name) => pictureFields.includes(plainName(name)),
    field: (name, value) => {
      fields[name] = value;
    },
    file: (name, filename) => readFile(name, filename, files, images),
    written: async () => {
      const reserved = files.reduce((sum, file) => sum + file.reserved, 0);
      if (reserved > held) await place.hold(reserved - held);
      held = reserved;
    },
  });
  if (images.length === 0) throw invalidField(["body", "files"], "Send 1 to 5 pictures.", "missing");
  return { fields, images };
}

function readFile(name: string, filename: string, files: Pieces[], images: UploadedImage[]) {
  const isPicture = pictureFields.includes(plainName(name));
  const body = new Pieces();
  const probe = new ImageProbe();
  return {
    add(chunk: Uint8Array) {
      if (body.size === 0) {
        if (!isPicture)
          throw invalidField(
            ["body", name.slice(0, 100)],
            "Send pictures in the field files. Other fields take no file.",
          );
        if (files.length >= maxFiles)
          throw invalidField(["body", "files"], `may have at most ${maxFiles} pictures`, "too_long");
        files.push(body);
      }
      if (body.size + chunk.length > maxFileBytes) throw fileTooLarge();
      probe.push(chunk);
      if (probe.reading !== undefined) acceptImage(probe.reading);
      body.add(chunk);
    },
    end() {
      // A browser sends an empty file input without a name and without bytes.
      if (body.size === 0 && filename === "") return;
      if (body.size === 0) throw invalidField(["body", "files", images.length], "is empty", "too_short");
      images.push({ ...acceptImage(probe.end()), body });
    },
  };
}
