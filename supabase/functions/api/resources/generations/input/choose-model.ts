import type { Deps } from "../../../context.ts";
import { invalidField, invalidFields } from "../../../errors.ts";
import type { GenerationRequest } from "./generation-request.ts";
import { maxImages, optionIssues } from "./model-input.ts";
import { generationFields } from "./schemas.ts";

/** The model for a request. @throws ApiError validation_failed when it does not accept so many pictures or such an option */
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
      most === 0 ? "The model accepts no pictures." : `The model accepts at most ${most} pictures.`,
      "too_long",
    );
  }
  const issues = optionIssues(chosen, options, generationFields);
  if (issues.length > 0) throw invalidFields(issues);
  return chosen;
}
