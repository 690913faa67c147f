import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { answer } from "../../middleware/head.ts";
import { createRouter } from "../../router.ts";
import { type User, userSchema } from "../users/schemas.ts";
import { getMe } from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/auth/me",
  operationId: "auth.me",
  tags: ["Authentication"],
  summary: "Get the signed-in account",
  description: "Returns the account of the access token: an end user, a developer or an operator.",
  security: security.user,
  middleware: [credentials],
  responses: { 200: jsonResponse(userSchema, "The signed-in account."), ...errors(checks.account) },
});

export const me = createRouter().openapi(route, async (c) => {
  return answer<User, 200>(c, await getMe(...c.get("caller")), 200);
});
