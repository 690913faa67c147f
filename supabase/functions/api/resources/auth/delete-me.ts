import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { checkPassword } from "./sign-in/check-password.ts";
import { passwordSchema } from "./sign-in/password-schema.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/auth/me",
  operationId: "auth.deleteMe",
  tags: ["Authentication"],
  summary: "Delete the signed-in account",
  description:
    "Deletes the account, its sessions, keys and generations at once, and its files shortly after. Deletes a developer's " +
    "projects with all their data, the end users' accounts included. This cannot be undone.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: jsonBody(z.object({ password: passwordSchema }).openapi("DeleteMeRequest")),
  responses: {
    204: { description: "The account was deleted." },
    ...errors(checks.account, checks.json, checks.password),
  },
});

export const deleteMe = createRouter().openapi(route, async (c) => {
  await checkPassword(c, c.req.valid("json").password, false);
  const { user_id } = c.get("credentials");
  if (user_id === undefined) throw new ApiError("not_authenticated");
  await c.get("deps").auth.deleteUser(user_id);
  return c.body(null, 204);
});
