import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { pathId } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/auth/sessions/{session_id}",
  operationId: "sessions.revoke",
  tags: ["Authentication"],
  summary: "End a session",
  description: "The API refuses the session's tokens at once. You can end the current session too.",
  security: security.user,
  middleware: [credentials],
  request: {
    params: pathId("session_id", "session", "The id of a session from `GET /auth/sessions`."),
  },
  responses: {
    204: { description: "The session was ended." },
    ...errors(checks.account, "validation_failed", "session_not_found"),
  },
});

export const revokeSession = createRouter().openapi(route, async (c) => {
  await store.revokeSession(...c.get("caller"), c.req.valid("param").session_id);
  return c.body(null, 204);
});
