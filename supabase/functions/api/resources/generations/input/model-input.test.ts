import { expect, test } from "vitest";
import { maxImages, modelInput, optionIssues } from "./model-input.ts";

const request = { prompt: "A lighthouse", images: ["https://files/1.png"], aspect_ratio: "16:9", seed: 7 };

test.each([
  [
    "google/nano-banana",
    5,
    { prompt: "A lighthouse", image_input: request.images, aspect_ratio: "16:9", output_format: "png" },
  ],
  [
    "google/nano-banana-pro",
    5,
    { prompt: "A lighthouse", image_input: request.images, aspect_ratio: "16:9", output_format: "png" },
  ],
  [
    "bytedance/seedream-4",
    5,
    { prompt: "A lighthouse", image_input: request.images, aspect_ratio: "16:9", size: "2K" },
  ],
  [
    "black-forest-labs/flux-kontext-pro",
    1,
    {
      prompt: "A lighthouse",
      input_image: request.images[0],
      aspect_ratio: "16:9",
      seed: 7,
      output_format: "png",
    },
  ],
  [
    "black-forest-labs/flux-dev",
    1,
    { prompt: "A lighthouse", image: request.images[0], aspect_ratio: "16:9", seed: 7, output_format: "png" },
  ],
  [
    "black-forest-labs/flux-schnell",
    0,
    { prompt: "A lighthouse", aspect_ratio: "16:9", seed: 7, output_format: "png" },
  ],
  [
    "someone/else:0123abcd",
    1,
    { prompt: "A lighthouse", image: request.images[0], aspect_ratio: "16:9", seed: 7 },
  ],
])(
  "the model %s accepts at most %i photos, and gets its input under its own names",
  (model, count, input) => {
    expect(maxImages(model)).toBe(count);
    expect(modelInput(model, request)).toEqual(input);
  },
);

test("options that the caller omits are not sent to the model", () => {
  expect(modelInput("someone/else", { prompt: "A lighthouse", images: [] })).toEqual({
    prompt: "A lighthouse",
  });
});

test.each(["", "\n", "🖼", "\u0000"])("the unknown model %j accepts one photo", (model) => {
  expect(maxImages(model)).toBe(1);
});

test("an option of the model's schema is sent to the model unchanged", () => {
  const options = { style: "digital_illustration/pixel_art" };
  expect(optionIssues("recraft-ai/recraft-v3", options, [])).toEqual([]);
  expect(modelInput("recraft-ai/recraft-v3", { prompt: "A lighthouse", images: [], ...options })).toEqual({
    prompt: "A lighthouse",
    ...options,
  });
});

test.each([
  [
    "recraft-ai/recraft-v3",
    { style: "../../etc" },
    "style",
    'The field "style" does not have the right form.',
  ],
  ["black-forest-labs/flux-dev", { guidance: 11 }, "guidance", 'The field "guidance" may be at most 10.'],
  ["google/nano-banana", { style: "watercolour" }, "style", '"style" is no field of this request.'],
  [
    "google/nano-banana",
    { aspectRatio: "1:1" },
    "aspectRatio",
    '"aspectRatio" is no field of this request. Did you mean "aspect_ratio"?',
  ],
  [
    "black-forest-labs/flux-dev",
    { go_fats: true },
    "go_fats",
    '"go_fats" is no field of this request. Did you mean "go_fast"?',
  ],
  [
    "google/nano-banana",
    JSON.parse('{"__proto__": 1}'),
    "__proto__",
    '"__proto__" is no field of this request.',
  ],
])("the model %s refuses %j, and the error names the option", (model, options, name, msg) => {
  const [issue] = optionIssues(model, options, ["aspect_ratio", "seed", "prompt"]);
  expect(issue).toMatchObject({ loc: ["body", name], msg });
});

test("an option that the model does not have is never sent to it", () => {
  const input = modelInput("google/nano-banana", { prompt: "A lighthouse", images: [], style: "x" });
  expect(input).not.toHaveProperty("style");
});
