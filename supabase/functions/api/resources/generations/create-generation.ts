import { createRoute } from "@hono/zod-openapi";
import type { StoredFile } from "../../clients/storage.ts";
import type { Deps } from "../../context.ts";
import { ApiError, invalidField } from "../../errors.ts";
import { isJson, readJson } from "../../middleware/body-type.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { extensionOf } from "./image-type.ts";
import { maxImages } from "./models.ts";
import { presentGeneration } from "./present-generation.ts";
import { parseGenerationJson, readGenerationForm, type UploadedImage } from "./read-request.ts";
import { createdGenerationSchema, generationFormSchema, generationJsonSchema } from "./schemas.ts";
import { checkCaller, createGeneration as insertGeneration } from "./store.ts";
import { submitGeneration } from "./submit-generation.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/generate-v2",
  operationId: "generations.create",
  tags: ["Generation"],
  summary: "Ask for a picture",
  description:
    "Multipart with pictures to work from, or JSON without. The answer comes at once; the picture is made in the background. " +
    "Also at `/generation/generate`.",
  security: security.generate,
  middleware: [credentials],
  responses: {
    200: jsonResponse(createdGenerationSchema, "Accepted; it will be made."),
    ...errorResponses(400, 401, 403, 404, 413, 415, 422, 429, 502),
  },
});

export const createGeneration = createRouter().openapi({ ...route, hide: true }, async (c) => {
  const deps = c.get("deps");
  if (!deps.replicate.configured) throw new ApiError("generation_unavailable");
  // Before a byte is stored: whoever may not generate may not upload either.
  const { project_id } = await checkCaller(deps.database, c.get("credentials"));
  const type = c.req.header("content-type");
  const request = isJson(type)
    ? parseGenerationJson(await readJson(c.req.raw))
    : await readForm(c.req.raw, type);
  const model = request.images.length > 0 ? deps.env.image_model : deps.env.text_model;
  if (request.images.length > maxImages(model)) {
    throw invalidField(["body", "files"], `the model takes at most ${maxImages(model)}`, "too_long");
  }
  const id = crypto.randomUUID();
  const example_images = await storeExamples(deps, `${project_id}/${id}`, request.images);
  const row = await insertGeneration(deps.database, c.get("credentials"), {
    id,
    instructions: request.prompt,
    model,
    options: request.options,
    example_images,
    is_public: request.is_public,
  }).catch((error) => withoutFiles(deps, example_images, error));
  deps.background(submitGeneration(deps, id));
  return c.json(
    { ...presentGeneration(deps.env, row), message: "Generation request submitted successfully" },
    200,
  );
});

// The body is read as it arrives and checked in read-request.ts; here its shapes are only documented.
createGeneration.openAPIRegistry.registerPath({
  ...route,
  request: {
    body: {
      required: true,
      content: {
        "multipart/form-data": { schema: generationFormSchema },
        "application/json": { schema: generationJsonSchema },
      },
    },
  },
});

function readForm(request: Request, type: string | undefined) {
  if (!/^multipart\/form-data\s*;/i.test(type ?? "")) {
    throw new ApiError("unsupported_media_type", {
      detail: "Unsupported Content-Type. Send multipart/form-data or application/json.",
    });
  }
  return readGenerationForm(request);
}

async function storeExamples(deps: Deps, folder: string, images: UploadedImage[]): Promise<StoredFile[]> {
  const files = images.map(({ body, ...type }, index) => ({
    ...type,
    path: `${folder}/${index}.${extensionOf(type.content_type)}`,
    bytes: body.byteLength,
  }));
  const uploads = await Promise.allSettled(
    images.map(({ body, content_type }, index) =>
      deps.storage.upload("uploads", files[index]?.path ?? "", body, content_type),
    ),
  );
  const failed = uploads.find((upload) => upload.status === "rejected");
  return failed === undefined ? files : withoutFiles(deps, files, failed.reason);
}

/** Nothing stays behind when the generation does not come to be. */
async function withoutFiles(deps: Deps, files: StoredFile[], error: unknown): Promise<never> {
  const paths = files.map(({ path }) => path);
  await deps.storage
    .remove("uploads", paths)
    .catch((cause) => deps.log("warn", "uploaded files stay", { paths, cause }));
  throw error;
}
