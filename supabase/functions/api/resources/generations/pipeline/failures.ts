/** The reasons why a generation ended without a picture, with the sentences for its owner. */
export const failures = {
  content_blocked: "The provider's safety filter blocked the request or its result. It was not charged.",
  prediction_failed: "The model could not make this picture. It was not charged.",
  provider_aborted: "The provider aborted the request before it began. It was not charged.",
  provider_refused: "The provider refused the request. It was not charged.",
  provider_unavailable: "The provider was unreachable for too long. It was not charged.",
  submission_unclear: "The provider never confirmed the request. It was not charged.",
  prediction_lost: "The provider no longer knows the request. It was not charged.",
  input_unreadable: "The uploaded pictures could not be read. It was not charged.",
  output_invalid: "The model's result is not a usable picture. It was not charged.",
  output_unsupported: "The model's result is not a JPEG, PNG or WebP. It was not charged.",
  output_not_allowed: "The result is on a host that is not allowed. It was not charged.",
  output_lost: "The provider deleted the result before it was stored. It was not charged.",
  output_not_stored: "The result could not be stored in time. It was not charged.",
  timed_out: "The model took too long. It was not charged.",
  canceled: "The generation was canceled. It was not charged.",
} as const;

/** The provider bills a cancel after the request was sent, so only a few a month are refunded. */
export const cancelErrors = {
  refunded: failures.canceled,
  charged:
    "The generation was canceled after it was sent. It is charged, because too many were canceled this month.",
};

export type FailureCode = keyof typeof failures;
/** `error` is a sentence that is more precise than that of the code. */
export type Failure = { code: FailureCode; error?: string };

/** Errors of a filter that could not be loaded or run. It blocked nothing. */
const brokenFilter =
  /not found|no such file|no module|cannot (open|load|import)|(failed|unable) to (load|download|open|import)|out of memory|timed? ?out|not available|unavailable|interrupted/i;

/** Phrases of providers that blocked a picture, with their source. Replicate has no code for it, only the model's text. */
export const blockedPhrases: readonly { phrase: RegExp; says: string }[] = [
  {
    phrase: /\bnsfw\b/i,
    says: "Stable Diffusion, FLUX and Qwen at Replicate (cog-stable-diffusion, cog-flux: predict.py)",
  },
  { phrase: /\bE005\b/, says: "Replicate: The input or output was flagged as sensitive (E005)" },
  { phrase: /\bflagged (as|by|for)\b/i, says: "Replicate, ByteDance Seedream, Google through resellers" },
  {
    phrase:
      /\b(blocked|rejected|refused|caught|filtered|stopped)\b[^.]{0,80}\b(safety|moderat\w+|content (filter|policy))/i,
    says: "OpenAI gpt-image: rejected as a result of our safety system; nano-banana: caught by our AI moderator",
  },
  {
    phrase:
      /\b(safety|moderation|content) (filters?|system|checker|review)\b[^.]{0,80}\b(block|reject|flag|refus|trigger)/i,
    says: "Google Imagen: safety filters blocked; OpenAI: safety system rejected",
  },
  {
    phrase: /\b(violat\w*|against|breach\w*)\b[^.]{0,80}\b(polic(y|ies)|guidelines)\b/i,
    says: "Google, Ideogram, Recraft",
  },
  { phrase: /\bcontent[ _-]policy[ _-]violation\b/i, says: "OpenAI: content_policy_violation" },
  {
    phrase: /\b(request|content)[ _]moderated\b|\bmoderation_blocked\b/i,
    says: "Black Forest Labs: Request Moderated, Content Moderated; OpenAI: moderation_blocked",
  },
  {
    phrase: /\b(PROHIBITED_CONTENT|IMAGE_SAFETY|IMAGE_PROHIBITED_CONTENT|BLOCKLIST)\b/,
    says: "Google Gemini: finishReason",
  },
  {
    phrase: /\b(sensitive|prohibited|inappropriate|explicit) (content|material|words?|information)\b/i,
    says: "ByteDance, MiniMax, Kling",
  },
];

const maxText = 2_000;

/** Removes paths, since files have names of filters: `safety_checker/model.bin` does not mean that a picture was blocked. */
const withoutPaths = (text: string) => text.replace(/\S*[/\\]\S*/g, " ");

export function isBlocked(error: unknown): boolean {
  const text = withoutPaths(textOf(error));
  return blockedPhrases.some(({ phrase }) => phrase.test(text)) && !brokenFilter.test(text);
}

/** `error` is usually text, but some models give an object. */
function textOf(error: unknown): string {
  if (typeof error === "string") return error.slice(0, maxText);
  return error === null || error === undefined ? "" : JSON.stringify(error).slice(0, maxText);
}

/** The code of a failed prediction. If `error` is empty, the end of its log has the reason. */
export function failureOf({ error, logs }: { error?: unknown; logs?: unknown }): FailureCode {
  const told = textOf(error).trim() === "" ? lastLines(logs) : error;
  return isBlocked(told) ? "content_blocked" : "prediction_failed";
}

export const lastLines = (logs: unknown): string => (typeof logs === "string" ? logs.slice(-maxText) : "");
