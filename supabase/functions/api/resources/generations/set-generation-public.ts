import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError, invalidFields } from "../../errors.ts";
import { toFieldErrors } from "../../field-errors.ts";
import { uuid } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { isJson, readJson, readText } from "../../middleware/read-json.ts";
import { createRouter } from "../../router.ts";
import { message } from "../auth/schemas.ts";
import { readFlag, readSmallForm } from "./input/read-small-form.ts";
import { generationPath, isPublic } from "./schemas.ts";
import { publishGeneration } from "./store.ts";

const bodySchema = z
  .object({ is_public: isPublic.openapi({ example: true }) })
  .openapi("GenerationPublicRequest");
const publicSchema = z
  .object({
    id: uuid("generation", "The generation's id."),
    is_public: isPublic.openapi({ example: true }),
    message: message("The picture is public now"),
  })
  .openapi("GenerationPublic");

const route = createRoute({
  method: "patch",
  path: "/api/v1/generation/{generation_id}/public",
  operationId: "generations.setPublic",
  tags: ["Generation"],
  summary: "Publish a picture",
  description:
    "A published picture has the URL `/generation/{generation_id}/image`. `is_public: false` disables this URL and every " +
    "signed URL that was issued before. Send JSON or a form. Alias: `/generation/generations-v2/{generation_id}/public`.",
  security: security.generate,
  middleware: [credentials],
  request: { params: generationPath },
  responses: {
    200: jsonResponse(publicSchema, "The visibility after the change."),
    ...errors(checks.generation, checks.json, "malformed_body", "generation_not_found"),
  },
});

export const setGenerationPublic = createRouter().openapi({ ...route, hide: true }, async (c) => {
  const { generation_id } = c.req.valid("param");
  const body = await readBody(c.req.raw);
  const parsed = bodySchema.safeParse(body);
  if (!parsed.success) throw invalidFields(toFieldErrors(parsed.error.issues, "body", body));
  const changed = await publishGeneration(...c.get("caller"), generation_id, parsed.data.is_public);
  const message = changed.is_public ? "The picture is public now" : "The picture is private now";
  return c.json({ ...changed, message }, 200);
});

setGenerationPublic.openAPIRegistry.registerPath({
  ...route,
  request: {
    params: generationPath,
    body: {
      required: true,
      content: {
        "application/json": { schema: bodySchema },
        "application/x-www-form-urlencoded": { schema: bodySchema },
      },
    },
  },
});

async function readBody(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (isJson(type)) return readJson(request);
  if (/^application\/x-www-form-urlencoded\s*(;|$)/i.test(type)) {
    const fields = new URLSearchParams(await readText(request));
    return { is_public: readFlag(fields.get("is_public")) };
  }
  if (/^multipart\/form-data\s*;/i.test(type)) {
    return { is_public: readFlag((await readSmallForm(request)).is_public ?? null) };
  }
  throw new ApiError("unsupported_media_type", {
    detail: "Unsupported Content-Type. Send application/json or a form.",
  });
}
