import { createRoute, z } from "@hono/zod-openapi";
import { readBearer } from "../../bearer.ts";
import { checks, errors } from "../../contract/errors.ts";
import { optionalJsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { jsonOnly, jsonOr } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { tokensSchema } from "./schemas.ts";
import { openTokens } from "./sign-in/open-tokens.ts";
import { endReusedSession } from "./store.ts";

const longestToken = 4096;

const bodySchema = z
  .object({
    refresh_token: z
      .string()
      .openapi({ description: "The newest refresh token of the session.", example: "v1NxP0aZq7Kd" }),
  })
  .openapi("RefreshRequest");

/** Without a body, the bearer is the token. */
const jsonOrBearer = jsonOr({ refresh_token: "" });

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/refresh",
  operationId: "auth.refresh",
  tags: ["Authentication"],
  summary: "Refresh a session",
  description:
    "Send the refresh token in the body or as `Authorization: Bearer`. Two tabs may use the same token within ten seconds. " +
    "The previous token always works too, in case a response was lost. An older token ends the session.",
  security: security.none,
  middleware: [(c, next) => (c.req.header("authorization") ? jsonOrBearer(c, next) : jsonOnly(c, next))],
  request: optionalJsonBody(bodySchema),
  responses: {
    200: jsonResponse(tokensSchema, "The new tokens of the same session."),
    ...errors(
      checks.json,
      checks.auth,
      "invalid_refresh_token",
      "refresh_token_reused",
      "invalid_token",
      "account_not_verified",
      "account_deactivated",
      "project_inactive",
      "database_unavailable",
    ),
  },
});

export const refresh = createRouter().openapi(route, async (c) => {
  const token = c.req.valid("json").refresh_token || readBearer(c.req.header("authorization")) || "";
  // A malformed token is answered like an unknown one, so that its client knows that the session is over.
  if (!token || token.length > longestToken || !/^[\x21-\x7e]+$/.test(token))
    throw new ApiError("invalid_refresh_token");
  const { auth, database } = c.get("deps");
  const issued = await auth.refresh(token);
  if (issued === "reused") {
    await endReusedSession(database, token);
    throw new ApiError("refresh_token_reused");
  }
  if (issued === null) throw new ApiError("invalid_refresh_token");
  return c.json(await openTokens(c, issued, { signed_in: false }), 200);
});
