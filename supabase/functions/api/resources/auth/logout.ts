import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { optionalJsonBody } from "../../contract/json-body.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOrNothing } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { logOut } from "./store.ts";

const bodySchema = z
  .object({
    scope: z.enum(["local", "others", "global"]).default("local").openapi({
      description: "`local` ends this session, `others` all sessions but this one, `global` all sessions.",
      example: "local",
    }),
  })
  .openapi("LogoutRequest");

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/logout",
  operationId: "auth.logout",
  tags: ["Authentication"],
  summary: "Sign out",
  description:
    "The API refuses the access and refresh tokens of an ended session at once. The body is optional.",
  security: security.user,
  middleware: [credentials, jsonOrNothing],
  request: optionalJsonBody(bodySchema),
  responses: {
    204: { description: "The session was ended." },
    ...errors(checks.account, checks.json),
  },
});

export const logout = createRouter().openapi(route, async (c) => {
  const { scope } = c.req.valid("json");
  await logOut(...c.get("caller"), scope);
  return c.body(null, 204);
});
