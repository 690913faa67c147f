import { expect, test } from "vitest";
import { maxImages, modelInput } from "./models.ts";

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
])("%s takes %i pictures under its own names", (model, count, input) => {
  expect(maxImages(model)).toBe(count);
  expect(modelInput(model, request)).toEqual(input);
});

test("what was not chosen is not sent", () => {
  expect(modelInput("someone/else", { prompt: "A lighthouse", images: [] })).toEqual({
    prompt: "A lighthouse",
  });
});

test.each(["", "\n", "🖼", "\u0000"])(
  "any text has a family, %j too: whether it is allowed is not decided here",
  (model) => {
    expect(maxImages(model)).toBe(1);
  },
);
