import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { sessionSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/auth/sessions",
  operationId: "sessions.list",
  tags: ["Authentication"],
  summary: "List sessions",
  description:
    "Returns a plain array, newest first. A session begins with a sign-in and lasts while it is refreshed, at most seven days.",
  security: security.user,
  middleware: [credentials],
  responses: {
    200: jsonResponse(z.array(sessionSchema), "The sessions of the account."),
    ...errors(checks.account),
  },
});

export const listSessions = createRouter().openapi(route, async (c) => {
  return c.json(await store.listSessions(...c.get("caller")), 200);
});
