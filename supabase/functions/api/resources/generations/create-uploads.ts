import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { uuid } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { maxFiles } from "./input/schemas.ts";
import * as store from "./store.ts";

const uploadsSchema = z
  .object({
    uploads: z
      .array(
        z.object({
          id: uuid("upload", "The upload's id. Send it in `upload_ids` when you create a generation."),
          url: z.string().openapi({
            description:
              "The URL for the upload. Send the picture by PUT with its Content-Type; the URL works once.",
            example: "http://127.0.0.1:54321/storage/v1/object/upload/sign/uploads/4f1d2c3b?token=eyJhbGciOi",
          }),
          method: z
            .literal("PUT")
            .openapi({ description: "The HTTP method for the upload.", example: "PUT" }),
          expires_in: z.int().openapi({ description: "Seconds until the URL expires.", example: 7200 }),
        }),
      )
      .openapi({ description: "One entry for each requested upload." }),
  })
  .openapi("Uploads");

const signedSeconds = 7200;

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/uploads",
  operationId: "generations.createUploads",
  tags: ["Generation"],
  summary: "Create addresses for uploads",
  description:
    "A browser uploads pictures directly to the file storage, then sends their ids as `upload_ids` of a new generation. " +
    "JPEG, PNG or WebP, at most 10 MB each. The content is checked when a generation uses it. Each upload works for one " +
    "generation.",
  security: security.generate,
  middleware: [credentials, jsonOnly],
  request: jsonBody(
    z
      .object({
        count: z
          .int()
          .min(1)
          .max(maxFiles)
          .default(1)
          .openapi({ description: "The number of upload URLs.", example: 1 }),
      })
      .openapi("UploadsCreateRequest"),
  ),
  responses: {
    201: jsonResponse(uploadsSchema, "One URL for each upload."),
    ...errors(checks.generation, checks.json, checks.storage, "upload_limit_reached"),
  },
});

export const createUploads = createRouter().openapi(route, async (c) => {
  const { storage } = c.get("deps");
  const places = await store.createUploads(...c.get("caller"), c.req.valid("json").count);
  const uploads = await Promise.all(
    places.map(async ({ id, path }) => ({
      id,
      url: await storage.signedUploadUrl("uploads", path),
      method: "PUT" as const,
      expires_in: signedSeconds,
    })),
  );
  return c.json({ uploads }, 201);
});
