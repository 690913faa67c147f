/** What a caller may choose besides the prompt. */
export type Options = { aspect_ratio?: string; seed?: number };
type Request = Options & { prompt: string; images: string[] };
type Family = { matches: RegExp; max_images: number; input: (request: Request) => Record<string, unknown> };

export const aspectRatios = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"] as const;

/**
 * How each family of models at Replicate takes its input, after the schema on its model page. Unknown models get the most
 * common names, `prompt` and `image`.
 */
const families: readonly Family[] = [
  {
    matches: /^google\/nano-banana/,
    max_images: 5,
    input: ({ prompt, images, aspect_ratio }) =>
      defined({ prompt, image_input: images, aspect_ratio, output_format: "png" }),
  },
  {
    matches: /^bytedance\/seedream-4/,
    max_images: 5,
    input: ({ prompt, images, aspect_ratio }) =>
      defined({ prompt, image_input: images, aspect_ratio, size: "2K" }),
  },
  {
    matches: /^black-forest-labs\/flux-kontext/,
    max_images: 1,
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, input_image: images[0], aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^black-forest-labs\/flux-dev/,
    max_images: 1,
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, image: images[0], aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^black-forest-labs\/flux-/,
    max_images: 0,
    input: ({ prompt, aspect_ratio, seed }) => defined({ prompt, aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^/,
    max_images: 1,
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, image: images[0], aspect_ratio, seed }),
  },
];

const familyOf = (model: string) => families.find(({ matches }) => matches.test(model)) as Family;

/** How many pictures the model can look at. */
export const maxImages = (model: string): number => familyOf(model).max_images;

/** The `input` of a prediction. `images` are addresses or data URIs. */
export const modelInput = (model: string, request: Request): Record<string, unknown> =>
  familyOf(model).input(request);

function defined(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
