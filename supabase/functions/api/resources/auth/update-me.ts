import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { userSchema } from "../users/schemas.ts";
import { fullNameSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "patch",
  path: "/api/v1/auth/me",
  operationId: "auth.updateMe",
  tags: ["Authentication"],
  summary: "Change the signed-in account",
  description:
    "Changes the name. Use `/auth/change-password` for the password and `/auth/change-email` for the email address.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: jsonBody(z.object({ full_name: fullNameSchema }).openapi("UpdateMeRequest")),
  responses: {
    200: jsonResponse(userSchema, "The account after the change."),
    ...errors(checks.account, checks.json),
  },
});

export const updateMe = createRouter().openapi(route, async (c) => {
  const user = await store.updateMe(...c.get("caller"), c.req.valid("json"));
  return c.json(user, 200);
});
