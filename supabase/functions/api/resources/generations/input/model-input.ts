import { z } from "@hono/zod-openapi";
import type { FieldError } from "../../../errors.ts";
import { toFieldErrors } from "../../../field-errors.ts";
import { unknownField } from "../../../fields/strict-object.ts";

type Value = string | number | boolean;
/** The options of a request: those of every model, and those of the chosen model's family. */
export type Options = { [name: string]: Value | undefined; aspect_ratio?: string; seed?: number };
type Request = { prompt: string; images: string[]; aspect_ratio?: string; seed?: number };
type Family = {
  matches: RegExp;
  max_images: number;
  /** Further options of its schema. None changes the price or the model's safety filter. */
  options?: Record<string, z.ZodType<Value>>;
  input: (request: Request) => Record<string, unknown>;
};

export const aspectRatios = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"] as const;

/**
 * The input names of each family of models at Replicate, from the schema on its model page. Unknown models get the most common
 * names, `prompt` and `image`.
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
    options: { prompt_upsampling: z.boolean() },
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, input_image: images[0], aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^black-forest-labs\/flux-dev/,
    max_images: 1,
    options: { guidance: z.number().min(0).max(10), go_fast: z.boolean() },
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, image: images[0], aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^black-forest-labs\/flux-/,
    max_images: 0,
    input: ({ prompt, aspect_ratio, seed }) => defined({ prompt, aspect_ratio, seed, output_format: "png" }),
  },
  {
    matches: /^ideogram-ai\/ideogram-v3/,
    max_images: 0,
    options: { style_type: z.enum(["None", "Auto", "General", "Realistic", "Design"]) },
    input: ({ prompt, aspect_ratio, seed }) => defined({ prompt, aspect_ratio, seed }),
  },
  {
    matches: /^recraft-ai\/recraft-v3/,
    max_images: 0,
    options: {
      style: z
        .string()
        .max(60)
        .regex(/^(any|(realistic_image|digital_illustration)(\/[a-z0-9_]+)?)$/),
    },
    input: ({ prompt, aspect_ratio }) => defined({ prompt, aspect_ratio }),
  },
  {
    matches: /^/,
    max_images: 1,
    input: ({ prompt, images, aspect_ratio, seed }) =>
      defined({ prompt, image: images[0], aspect_ratio, seed }),
  },
];

const familyOf = (model: string) => families.find(({ matches }) => matches.test(model)) as Family;

/** The options of a model: which common ones it accepts, and the schemas of its own options. */
export function optionsOf(model: string): { common: Set<string>; own: Record<string, z.ZodType<Value>> } {
  const { input, options: own = {} } = familyOf(model);
  const common = new Set(Object.keys(input({ prompt: "", images: [], aspect_ratio: "1:1", seed: 0 })));
  return { common, own };
}

/** The number of input pictures that the model accepts. */
export const maxImages = (model: string): number => familyOf(model).max_images;

const ofEveryModel = new Set(["aspect_ratio", "seed"]);

/** The problems of options that the model does not have, or whose values it does not accept. */
export function optionIssues(model: string, options: Options, known: readonly string[]): FieldError[] {
  const schemas = familyOf(model).options ?? {};
  return Object.entries(options)
    .filter(([name]) => !ofEveryModel.has(name))
    .slice(0, 20)
    .flatMap(([name, value]) => {
      const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
      if (schema !== undefined)
        return toFieldErrors(schema.safeParse(value).error?.issues ?? [], "body", value, name);
      const msg = unknownField(name, [...known, ...Object.keys(schemas)]);
      return [{ loc: ["body", name.slice(0, 64)], msg, type: "unrecognized_keys" }];
    });
}

/** The `input` of a prediction. `images` are URLs or data: URLs. */
export function modelInput(
  model: string,
  { prompt, images, ...options }: Request & { [option: string]: unknown },
): Record<string, unknown> {
  const { options: own = {}, input } = familyOf(model);
  const chosen = Object.entries(options).filter(([name]) => Object.hasOwn(own, name));
  return { ...input({ prompt, images, ...options }), ...Object.fromEntries(chosen) };
}

function defined(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
