import { createRoute } from "@hono/zod-openapi";
import { pathId } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, security } from "../../openapi.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/auth/sessions/{session_id}",
  operationId: "sessions.revoke",
  tags: ["Authentication"],
  summary: "End a session of the account",
  description: "Its tokens are refused from this moment on. The current session may be ended too.",
  security: security.user,
  middleware: [credentials],
  request: {
    params: pathId("session_id", "session", "A session of `GET /auth/sessions`."),
  },
  responses: {
    204: { description: "The session is ended." },
    ...errorResponses(400, 401, 403, 404, 422, 429),
  },
});

export const revokeSession = createRouter().openapi(route, async (c) => {
  await store.revokeSession(c.get("deps").database, c.get("credentials"), c.req.valid("param").session_id);
  return c.body(null, 204);
});
