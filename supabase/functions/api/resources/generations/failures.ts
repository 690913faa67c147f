/** Why a generation ended without a picture, with the sentence that its owner reads. */
export const failures = {
  content_blocked: "The provider's safety filter blocked the request or its result. It was not charged.",
  prediction_failed: "The model could not make this picture. It was not charged.",
  provider_refused: "The provider refused the request. It was not charged.",
  provider_unavailable: "The provider could not be reached for too long. It was not charged.",
  submission_unclear: "The provider never confirmed the request. It was not charged.",
  prediction_lost: "The provider no longer knows the request. It was not charged.",
  output_invalid: "The model's result is not a usable picture. It was not charged.",
  output_lost: "The result was gone before it could be stored. It was not charged.",
  timed_out: "The model took too long. It was not charged.",
  canceled: "The generation was canceled. It was not charged.",
} as const;

export type FailureCode = keyof typeof failures;

const blocked = /nsfw|safety|sensitive|content polic|moderat|flagged|prohibited|E005/i;

/** Replicate has no code for a blocked picture; models only say it in words. */
export function failureOf(error: unknown): FailureCode {
  return blocked.test(String(error ?? "")) ? "content_blocked" : "prediction_failed";
}
