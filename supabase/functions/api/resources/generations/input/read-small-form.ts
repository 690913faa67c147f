import { invalidField } from "../../../errors.ts";
import { flagOf, notAFlag } from "../../../fields/flag.ts";
import { steadyBody } from "../../../middleware/steady-body.ts";
import { readMultipart } from "../../../multipart.ts";

const maxFormBytes = 16 * 1024;

/** A boolean of a form. @throws ApiError validation_failed for anything else. */
export function readFlag(text: string | null): boolean {
  const flag = flagOf(text ?? "");
  if (flag === undefined) throw invalidField(["body", "is_public"], notAFlag);
  return flag;
}

/** A multipart body of a few short fields. @throws ApiError malformed_body, payload_too_large, validation_failed */
export async function readSmallForm(request: Request): Promise<Record<string, string>> {
  const fields: Record<string, string> = Object.create(null);
  const limits = { parts: 20, fieldBytes: maxFormBytes, totalBytes: maxFormBytes };
  await readMultipart(request.headers.get("content-type") ?? "", steadyBody(request), limits, {
    isFile: () => false,
    field: (name, value) => {
      fields[name] = value;
    },
    file: (name) => {
      throw invalidField(["body", name.slice(0, 100)], "This form does not accept a file.");
    },
  });
  return fields;
}
