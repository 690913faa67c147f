import { createRoute } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { checks, createRouter, errors, jsonResponse, jsonText, security } from "../../openapi.ts";
import { userSchema } from "../users/schemas.ts";
import { getMe } from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/auth/me",
  operationId: "auth.me",
  tags: ["Authentication"],
  summary: "The signed-in account",
  description: "Of whoever the access token belongs to: an end user, a developer or an operator.",
  security: security.user,
  middleware: [credentials],
  responses: { 200: jsonResponse(userSchema, "The account."), ...errors(checks.account) },
});

export const me = createRouter().openapi(route, async (c) => {
  return jsonText(c, await getMe(c.get("deps").database, c.get("credentials")));
});
