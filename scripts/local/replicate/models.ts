import { type InvalidField, invalidInput } from "./problem.ts";

const HOSTED_MODERATION =
  "The input or output was flagged as sensitive. Please try again with different inputs. (E005)";
const OPEN_MODERATION = "NSFW content detected. Try running it again, or try a different prompt.";

const WIDE_RATIOS = ["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9", "9:21"];
const EDIT_RATIOS = ["match_input_image", ...WIDE_RATIOS, "2:1", "1:2"];

export type Model = {
  owner: string;
  name: string;
  description: string;
  /** Official models run by name and hide their version; the others run by version only. */
  official: boolean;
  version: string;
  output: "one" | "many";
  /** Inputs that hold an image address, or a list of them. */
  images: string[];
  /** The input that asks for several images. */
  count?: { field: string; max: number };
  aspect_ratios: string[];
  formats: string[];
  moderation: string;
};

const base = {
  official: true,
  output: "one",
  aspect_ratios: EDIT_RATIOS,
  formats: ["jpg", "png"],
  moderation: HOSTED_MODERATION,
} as const satisfies Partial<Model>;

const flux = (name: string, description: string, more: Partial<Model> = {}): Model => ({
  ...base,
  owner: "black-forest-labs",
  name,
  description,
  version: versionOf(name),
  images: ["input_image"],
  ...more,
});

/** The look-alike's own ids of official versions, which the service never shows. */
function versionOf(name: string): string {
  return Buffer.from(name.repeat(8)).toString("hex").slice(0, 64);
}

const MODELS: Model[] = [
  flux("flux-kontext-pro", "Edits an image by text."),
  flux("flux-kontext-max", "Edits an image by text, with more care for typography."),
  flux("flux-kontext-dev", "Edits an image by text, open weights.", {
    formats: ["jpg", "png", "webp"],
    moderation: OPEN_MODERATION,
  }),
  flux("flux-1.1-pro", "Text to image.", {
    images: ["image_prompt"],
    aspect_ratios: ["custom", ...WIDE_RATIOS],
    formats: ["webp", "jpg", "png"],
  }),
  flux("flux-2-pro", "Text to image and editing with several references.", {
    images: ["input_images"],
    aspect_ratios: ["custom", ...EDIT_RATIOS],
    formats: ["webp", "jpg", "png"],
  }),
  flux("flux-schnell", "Fast text to image, open weights.", {
    output: "many",
    images: [],
    count: { field: "num_outputs", max: 4 },
    aspect_ratios: WIDE_RATIOS,
    formats: ["webp", "jpg", "png"],
    moderation: OPEN_MODERATION,
  }),
  flux("flux-dev", "Text to image and image to image, open weights.", {
    output: "many",
    images: ["image"],
    count: { field: "num_outputs", max: 4 },
    aspect_ratios: WIDE_RATIOS,
    formats: ["webp", "jpg", "png"],
    moderation: OPEN_MODERATION,
  }),
  {
    ...base,
    owner: "bytedance",
    name: "seedream-4",
    description: "Text to image and editing up to 4K.",
    version: versionOf("seedream-4"),
    output: "many",
    images: ["image_input"],
    count: { field: "max_images", max: 15 },
    formats: [],
  },
  {
    ...base,
    owner: "google",
    name: "nano-banana",
    description: "Image editing and fusion of several images.",
    version: versionOf("nano-banana"),
    images: ["image_input"],
  },
  {
    ...base,
    owner: "stability-ai",
    name: "sdxl",
    description: "Text to image, run by its version.",
    official: false,
    version: "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc",
    output: "many",
    images: ["image", "mask"],
    count: { field: "num_outputs", max: 4 },
    aspect_ratios: [],
    formats: [],
    moderation: OPEN_MODERATION,
  },
];

export function findModel(owner: string, name: string): Model | undefined {
  return MODELS.find((model) => model.owner === owner && model.name === name);
}

/** A 64-digit id, `owner/name:id`, or, for official models, `owner/name`. */
export function findByVersion(version: string): Model | undefined {
  const [path = "", id] = version.includes("/") ? version.split(":") : ["", version];
  if (id !== undefined) {
    const model = MODELS.find((candidate) => candidate.version === id);
    return !path || (model && path === `${model.owner}/${model.name}`) ? model : undefined;
  }
  const [owner = "", name = ""] = path.split("/");
  const model = findModel(owner, name);
  return model?.official ? model : undefined;
}

export type Input = Record<string, unknown> & { prompt: string };

/** Throws the service's 422 with every fault of the input. */
export function checkInput(model: Model, input: Record<string, unknown>): Input {
  const faults: InvalidField[] = [];
  const fault = (type: string, field: string, description: string) =>
    faults.push({ type, field: field ? `input.${field}` : "input", description });
  if (input.prompt === undefined) fault("required", "", "prompt is required");
  else if (typeof input.prompt !== "string") {
    fault("invalid_type", "prompt", `Invalid type. Expected: string, given: ${jsonType(input.prompt)}`);
  }
  checkEnum("aspect_ratio", model.aspect_ratios);
  checkEnum("output_format", model.formats);
  for (const field of ["seed", "width", "height", ...(model.count ? [model.count.field] : [])]) {
    const value = input[field];
    if (value === undefined || value === null) continue;
    if (!Number.isInteger(value)) {
      fault("invalid_type", field, `Invalid type. Expected: integer, given: ${jsonType(value)}`);
    } else if (field === model.count?.field) {
      if (Number(value) < 1) fault("number_gte", field, "Must be greater than or equal to 1");
      if (Number(value) > model.count.max) {
        fault("number_lte", field, `Must be less than or equal to ${model.count.max}`);
      }
    }
  }
  for (const field of model.images) {
    for (const value of [input[field] ?? []].flat()) {
      if (typeof value !== "string" || !URL.canParse(value))
        fault("format", field, "Does not match format 'uri'");
    }
  }
  if (faults.length > 0) throw invalidInput(faults);
  return input as Input;

  function checkEnum(field: string, allowed: string[]): void {
    const value = input[field];
    if (value === undefined || allowed.length === 0 || allowed.includes(String(value))) return;
    fault("enum", field, `${field} must be one of the following: ${allowed.map((a) => `"${a}"`).join(", ")}`);
  }
}

function jsonType(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (Number.isInteger(value)) return "integer";
  return typeof value;
}

/** How many files a prediction makes. */
export function outputCount(model: Model, input: Input): number {
  if (!model.count) return 1;
  if (model.count.field === "max_images" && input.sequential_image_generation !== "auto") return 1;
  return Number(input[model.count.field] ?? 1);
}

export function imageAddresses(model: Model, input: Input): string[] {
  return model.images.flatMap((field) => [input[field] ?? []].flat() as string[]);
}
