import { createRoute, z } from "@hono/zod-openapi";
import { checks } from "../../contract/checks.ts";
import { errors } from "../../contract/errors.ts";
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
          id: uuid("upload", "For `upload_ids` of a create."),
          url: z.string().openapi({
            description: "PUT the picture here, with its own Content-Type, once.",
            example: "http://127.0.0.1:54321/storage/v1/object/upload/sign/uploads/4f1d2c3b?token=eyJhbGciOi",
          }),
          method: z.literal("PUT").openapi({ description: "How it is sent.", example: "PUT" }),
          expires_in: z.int().openapi({ description: "Seconds until the address is dead.", example: 7200 }),
        }),
      )
      .openapi({ description: "As many as were asked for." }),
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
    "A browser sends the pictures straight to the file storage, then names their ids as `upload_ids` of a create. JPEG, PNG " +
    "or WebP, at most 10 MB each; the content is checked when it is used. Each serves one generation.",
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
          .openapi({ description: "How many addresses.", example: 1 }),
      })
      .openapi("UploadsCreateRequest"),
  ),
  responses: {
    201: jsonResponse(uploadsSchema, "One address for each."),
    ...errors(checks.generation, checks.json, checks.storage, "upload_limit_reached"),
  },
});

export const createUploads = createRouter().openapi(route, async (c) => {
  const { database, storage } = c.get("deps");
  const places = await store.createUploads(database, c.get("credentials"), c.req.valid("json").count);
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
