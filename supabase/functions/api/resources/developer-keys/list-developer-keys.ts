import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { developerKeySchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/auth/developer-keys",
  operationId: "developerKeys.list",
  tags: ["Developer keys"],
  summary: "List developer keys",
  description:
    "Returns a plain array, newest first, expired and revoked keys included. Compare `key_prefix` to find the key that a program uses.",
  security: security.user,
  middleware: [credentials],
  responses: {
    200: jsonResponse(
      z.array(developerKeySchema),
      "The keys without their secrets, expired and revoked ones included.",
    ),
    ...errors(checks.account, "developers_only"),
  },
});

export const listDeveloperKeys = createRouter().openapi(route, async (c) => {
  return c.json(await store.listDeveloperKeys(...c.get("caller")), 200);
});
