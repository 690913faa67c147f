import { describe, expect, test } from "vitest";
import { blockedPhrases, type FailureCode, failureOf, failures } from "./failures.ts";

const blocked = [
  "NSFW",
  "NSFW content detected. Try running it again, or try a different prompt.",
  "All generated images contained NSFW content. Try running it again with a different prompt.",
  "Potential NSFW content was detected in one or more images. A black image will be returned instead. Try again with a different prompt and/or seed.",
  "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
  "ModelError: The input or output was flagged as sensitive (E005)",
  "Content was flagged by the safety system. Try different prompts or inputs.",
  "Request blocked: The uploaded audio was flagged by Google safety review.",
  "Your prompt was caught by our AI moderator. Please adjust it and try again!",
  "Your request was rejected as a result of our safety system.",
  "The request was blocked by the safety filter.",
  "Safety filters blocked this generation",
  "The prompt violates our content policy",
  "content_policy_violation",
  "Request Moderated",
  "Content Moderated",
  "moderation_blocked",
  "finishReason: IMAGE_SAFETY",
  "PROHIBITED_CONTENT",
  "The content contains sensitive information.",
];

describe("blocked content", () => {
  test("each phrase of the table matches a known error of a provider", () => {
    for (const { phrase } of blockedPhrases)
      expect(blocked.filter((text) => phrase.test(text))).not.toEqual([]);
  });

  test.each(blocked)("the provider's error %j is content_blocked", (error) => {
    expect(failureOf({ error })).toBe("content_blocked");
  });

  test("an error object is content_blocked too, and an empty error whose log says so", () => {
    expect(failureOf({ error: { message: "NSFW content detected" } })).toBe("content_blocked");
    expect(
      failureOf({ error: null, logs: `${"step\n".repeat(5_000)}NSFW content detected in image 0\n` }),
    ).toBe("content_blocked");
  });
});

describe("other failures", () => {
  test.each([
    "safety_checker/model.bin not found",
    "FileNotFoundError: [Errno 2] No such file or directory: '/src/weights/nsfw/model.onnx'",
    "OSError: safety-checker does not appear to have a file named config.json",
    "NSFW classifier failed to load",
    "Failed to download the NSFW model",
    "The moderation service is unavailable",
    "nsfw_detector timed out",
    "CUDA out of memory.",
    "Prediction interrupted; please retry (code: PA)",
    "Unknown error (E1000)",
    "E6716: timeout starting prediction",
    "Internal Error",
    "the server is busy",
    "resolution is not within the range of allowed options",
    "KeyError: 'sensitive'",
    "invalid value for safety_filter_level: block_only_high",
    "",
  ])("the provider's error %j is prediction_failed", (error) => {
    expect(failureOf({ error })).toBe("prediction_failed");
  });

  test("an error without text is prediction_failed", () => {
    for (const error of [null, undefined, {}, [], 7]) expect(failureOf({ error })).toBe("prediction_failed");
  });

  test("only the beginning of a long error is searched", () => {
    expect(failureOf({ error: `${"x ".repeat(500_000)} NSFW` })).toBe("prediction_failed");
  });
});

test("the sentence of each failure says that it was not charged", () => {
  for (const code of Object.keys(failures) as FailureCode[]) expect(failures[code]).toMatch(/not charged\.$/);
});
