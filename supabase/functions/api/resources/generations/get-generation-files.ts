import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { text } from "../../fields/text.ts";
import { wholeNumber } from "../../fields/whole-number.ts";
import { cacheControl } from "../../middleware/cache-control.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { readTicket } from "./files/ticket.ts";
import { generationPath } from "./schemas.ts";
import { type FileKind, getGenerationFile } from "./store.ts";

const signedSeconds = 60;
const ticketSchema = text({ max: 100 }).optional().openapi({
  description: "A signed, short-lived permission. The URLs that the API returns contain it.",
  example: "0.6Zk1",
});
const indexSchema = wholeNumber(0, 9).openapi({
  type: "integer",
  description: "The index of the picture, from 0.",
  example: 0,
});
const redirect = {
  description: "A redirect to a short-lived URL of the picture.",
  headers: {
    Location: {
      required: true,
      description: "The URL of the picture. It works without headers for one minute.",
      schema: {
        type: "string" as const,
        format: "uri",
        example: "http://127.0.0.1:54321/storage/v1/object/sign/generations/1f9a7c5e.png?token=eyJhbGciOi",
      },
    },
  },
};
const common = {
  method: "get" as const,
  tags: ["Generation"],
  security: security.image,
  middleware: [credentials],
  responses: {
    302: redirect,
    ...errors(checks.generation, checks.storage, "validation_failed", "image_not_found"),
  },
};

const imageRoute = createRoute({
  ...common,
  path: "/api/v1/generation/{generation_id}/image",
  operationId: "generations.image",
  summary: "Get the picture of a generation",
  description: "Without credentials, the picture must be public or the URL must contain a valid `ticket`.",
  request: {
    params: generationPath,
    query: z.object({ index: indexSchema.default(0), ticket: ticketSchema }),
  },
});

const exampleRoute = createRoute({
  ...common,
  path: "/api/v1/generation/{generation_id}/examples/{index}",
  operationId: "generations.exampleImage",
  summary: "Get an uploaded picture",
  description:
    "Uploaded pictures are never public. The caller must be allowed to see the generation, or the URL must contain a valid `ticket`.",
  request: {
    params: generationPath.extend({
      index: indexSchema.openapi({ param: { name: "index", in: "path", required: true } }),
    }),
    query: z.object({ ticket: ticketSchema }),
  },
});

export const getGenerationFiles = createRouter()
  .openapi(imageRoute, (c) => {
    const { index, ticket } = c.req.valid("query");
    return redirectTo(c, c.req.valid("param").generation_id, "output", index, ticket);
  })
  .openapi(exampleRoute, (c) => {
    const { generation_id, index } = c.req.valid("param");
    return redirectTo(c, generation_id, "example", index, c.req.valid("query").ticket);
  });

async function redirectTo(
  c: Context<AppEnv>,
  id: string,
  kind: FileKind,
  index: number,
  ticket: string | undefined,
) {
  const { env, storage } = c.get("deps");
  const linkVersion = ticket === undefined ? null : readTicket(env, ticket, id, kind, index);
  const file = await getGenerationFile(...c.get("caller"), id, kind, index, linkVersion);
  const name = file.path.split("/").at(-1) ?? "";
  // An uploaded file is never shown as a page.
  const location =
    kind === "output"
      ? await storage.signedUrl("generations", file.path, signedSeconds)
      : await storage.signedUrl("uploads", file.path, signedSeconds, `example-${name}`);
  c.header(
    "Cache-Control",
    cacheControl[kind === "output" ? imageRoute.operationId : exampleRoute.operationId],
  );
  return c.redirect(location, 302);
}
