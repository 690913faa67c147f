import { z } from "zod";

export type Model = {
  /** `owner/name` */
  id: string;
  /** Official models run by name and hide their version; the others run by version only. */
  version?: string;
  input: z.ZodObject;
  /** The inputs that contain the URL of an image, or a list of URLs. */
  images: string[];
  /** The input for the number of images. Such a model returns a list. */
  count?: string;
  refusal: string;
};

const ratios = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21"];
const editRatios = ["match_input_image", ...ratios, "2:1", "1:2"];

type Traits = Omit<Model, "id" | "input"> & { ratios: string[]; formats?: string[]; maxCount?: number };

function model(id: string, { ratios, formats, maxCount = 1, ...traits }: Traits): Model {
  const address = z.url().or(z.array(z.url())).nullish();
  const input = z.looseObject({
    prompt: z.string(),
    seed: z.int().nullish(),
    width: z.int().nullish(),
    height: z.int().nullish(),
    aspect_ratio: z.enum(ratios).optional(),
    output_format: (formats ? z.enum(formats) : z.unknown()).optional(),
    ...Object.fromEntries(traits.images.map((name) => [name, address])),
    ...(traits.count ? { [traits.count]: z.int().min(1).max(maxCount).optional() } : {}),
  });
  return { id, input, ...traits };
}

const edit = {
  images: ["input_image"],
  ratios: editRatios,
  formats: ["jpg", "png"],
  refusal: "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
};
const open = {
  images: [] as string[],
  count: "num_outputs",
  maxCount: 4,
  ratios,
  formats: ["webp", "jpg", "png"],
  refusal: "NSFW content detected. Try running it again, or try a different prompt.",
};

const models = [
  model("black-forest-labs/flux-kontext-pro", edit),
  model("black-forest-labs/flux-kontext-max", edit),
  model("black-forest-labs/flux-schnell", open),
  model("black-forest-labs/flux-dev", { ...open, images: ["image"] }),
  model("google/nano-banana", { ...edit, images: ["image_input"] }),
  model("bytedance/seedream-4", {
    images: ["image_input"],
    count: "max_images",
    maxCount: 15,
    ratios: editRatios,
    refusal: edit.refusal,
  }),
  model("stability-ai/sdxl", {
    ...open,
    version: "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc",
    images: ["image", "mask"],
  }),
];

/** Finds an official model by its name, any other by its version: `id` or `owner/name:id`. */
export function findModel(name: string | undefined, version: string | undefined): Model | undefined {
  if (name) return models.find((model) => model.id === name && model.version === undefined);
  return models.find(
    (model) => model.version && [model.version, `${model.id}:${model.version}`].includes(version ?? ""),
  );
}
