import { z } from "@hono/zod-openapi";
import { describe, expect, test } from "vitest";
import { operations } from "../../../tests/support/contract/document.ts";
import { inputNames } from "../../../tests/support/contract/inputs.ts";
import { isSentence } from "../../../tests/support/contract/sentence.ts";
import { ApiError, errorCodes } from "./errors.ts";
import { toFieldErrors } from "./field-errors.ts";
import { strictObject } from "./fields/strict-object.ts";
import { listOf, oneLine, text, uuid } from "./fields/text.ts";
import { labels } from "./labels.ts";
import { predicates } from "./predicates.ts";
import { ruleNames, sentenceAbout } from "./sentence-about.ts";
import { waitSentence } from "./wait-sentence.ts";

const sentencesOf = (schema: z.ZodType, value: unknown) => {
  const result = schema.safeParse(value);
  return result.success ? [] : toFieldErrors(result.error.issues, "body", value);
};

const name = "full_name";
const cases: [rule: string, schema: z.ZodType, value: unknown, sentence: string][] = [
  ["invalid_type", z.object({ [name]: z.string() }), {}, "The name is missing."],
  ["invalid_type", z.object({ [name]: z.string() }), { [name]: null }, "The name is missing."],
  ["invalid_type", z.object({ seed: z.int() }), { seed: "" }, "The seed is missing."],
  ["invalid_type", z.object({ [name]: z.string() }), { [name]: 1 }, "The name must be text."],
  ["invalid_type", z.object({ seed: z.int() }), { seed: 1.5 }, "The seed must be a whole number."],
  [
    "invalid_type",
    z.object({ is_public: z.boolean() }),
    { is_public: "yes" },
    "The switch for public must be true or false.",
  ],
  [
    "invalid_type",
    z.object({ files: z.array(z.string()) }),
    { files: "a" },
    "The list of pictures must be a list.",
  ],
  ["invalid_type", z.object({}), [], "The request must be an object."],
  [
    "too_big",
    z.object({ [name]: oneLine({ max: 255 }) }),
    { [name]: "x".repeat(256) },
    "The name may have at most 255 characters.",
  ],
  [
    "too_big",
    z.object({ [name]: text({ max: 1 }) }),
    { [name]: "x".repeat(200_000) },
    "The name may have at most 1 character.",
  ],
  [
    "too_big",
    z.object({ files: listOf(z.string(), 5) }),
    { files: ["", "", "", "", "", ""] },
    "The list of pictures may have at most 5 pictures.",
  ],
  [
    "too_big",
    z.object({ files: listOf(z.string(), 1) }),
    { files: ["", ""] },
    "The list of pictures may have at most one entry.",
  ],
  ["too_big", z.object({ page: z.int().max(100) }), { page: 101 }, "The page may be at most 100."],
  ["too_small", z.object({ [name]: text({ min: 1, max: 9 }) }), { [name]: "" }, "The name may not be empty."],
  [
    "too_small",
    z.object({ password: text({ min: 8, max: 72 }) }),
    { password: "a" },
    "The password must have at least 8 characters.",
  ],
  [
    "too_small",
    z.object({ files: z.array(z.string()).min(2) }),
    { files: [] },
    "The list of pictures must have at least 2 pictures.",
  ],
  ["too_small", z.object({ page: z.int().min(1) }), { page: 0 }, "The page must be at least 1."],
  [
    "invalid_format",
    z.object({ user_id: uuid("user", "") }),
    { user_id: "x" },
    "The id of the user is not a valid id.",
  ],
  [
    "invalid_format",
    z.object({ email: z.email() }),
    { email: "x" },
    "The email address is not an email address.",
  ],
  [
    "invalid_format",
    z.object({ name: z.string().regex(/^a$/) }),
    { name: "x" },
    "The name does not have the right form.",
  ],
  [
    "not_multiple_of",
    z.object({ seed: z.number().multipleOf(2) }),
    { seed: 3 },
    "The seed must be a whole number.",
  ],
  [
    "invalid_value",
    z.object({ scope: z.enum(["a", "b"]) }),
    { scope: "c" },
    "The scope must be one of these: a, b.",
  ],
  ["invalid_value", z.object({ scope: z.literal("a") }), { scope: "c" }, "The scope must be a."],
  [
    "unrecognized_keys",
    strictObject({ expires_at: z.string().optional() }),
    { expiresAt: "x" },
    '"expiresAt" is no field of this request. Did you mean "expires_at"?',
  ],
  [
    "invalid_union",
    z.object({ name: z.union([z.string(), z.int()]) }),
    { name: true },
    "The name must be text.",
  ],
  [
    "invalid_key",
    z.object({ name: z.record(z.string().max(1), z.string()) }),
    { name: { long: "x" } },
    "The name contains a field that is not allowed.",
  ],
  [
    "invalid_element",
    z.object({ name: z.map(z.object({}), z.int()) }),
    { name: new Map([[{}, "b"]]) },
    "The name contains something that is not allowed.",
  ],
  [
    "custom",
    z.object({ [name]: oneLine({ max: 9 }) }),
    { [name]: "a\nb" },
    "The name contains a line break or an invisible character.",
  ],
];

test.each(cases)(
  "a violation of the rule %s gives the right sentence (%#)",
  (_rule, schema, value, sentence) => {
    expect(sentencesOf(schema, value)[0]?.msg).toBe(sentence);
  },
);

test("every rule of a schema is tested for its sentence", () => {
  expect([...new Set(cases.map(([rule]) => rule))].sort()).toEqual([...ruleNames].sort());
});

test("every own rule gives a whole sentence for every field", () => {
  for (const predicate of Object.values(predicates)) {
    for (const field of Object.keys(labels))
      expect(sentenceAbout(["body", field], predicate)).toSatisfy(isSentence);
  }
});

test("every field, parameter and header of the contract has a label for its sentences", () => {
  const unnamed = [...new Set(operations.flatMap(inputNames))].filter((field) => labels[field] === undefined);
  expect(unnamed).toEqual([]);
});

test("the detail of every error code is a sentence for a person", () => {
  for (const code of errorCodes) expect(new ApiError(code).detail).toSatisfy(isSentence);
});

describe("waits", () => {
  test.each([
    [0, "Try again in 1 second."],
    [1, "Try again in 1 second."],
    [40, "Try again in 40 seconds."],
    [90, "Try again in 90 seconds."],
    [91, "Try again in 2 minutes."],
    [2_400, "Try again in 40 minutes."],
    [3_601, "Try again in 61 minutes."],
    [5_401, "Try again in 2 hours."],
    [86_400, "Try again in 24 hours."],
    [12 * 86_400, "Try again in 12 days."],
  ])("a wait of %i seconds reads: %s", (seconds, sentence) => {
    expect(waitSentence(seconds)).toBe(sentence);
  });

  test("every 429 says when to try again, and no other error does", () => {
    for (const code of errorCodes) {
      const { status, detail } = new ApiError(code, { retryAfterSeconds: 2_400 });
      expect([code, detail.endsWith(" Try again in 40 minutes.")]).toEqual([code, status === 429]);
    }
  });
});
