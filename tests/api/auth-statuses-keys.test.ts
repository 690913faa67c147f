import { beforeAll, describe } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  freshEmail,
  type Headed,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import {
  badHeaders,
  type Row,
  refusalsWithoutSignIn,
  testStatuses,
  unknownId,
} from "../support/status-table.ts";

let developer: Developer;
let user: EndUser;
let key: string;
let management: Headed;

beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
  const created = await api("/auth/developer-keys", {
    headers: developer.headers,
    json: { management: true },
  });
  key = created.body.id;
  management = { "X-Developer-Key": created.body.key };
});

const bearer = () => ({ Authorization: `Bearer ${user.token}` });
const dev = () => developer.headers;

const rows: Row[] = [
  // This row comes first: it needs the minute after the registration.
  [
    "POST /auth/request-verification",
    "a second one within a minute",
    429,
    "mail_limit_exceeded",
    () => ({ method: "POST", headers: bearer() }),
  ],
  [
    "POST /auth/verify-email",
    "a wrong token",
    400,
    "verification_token_invalid",
    () => ({ json: { token: "x" } }),
  ],
  [
    "POST /auth/verify-email",
    "a user id without a token",
    422,
    "validation_failed",
    () => ({ json: { user_id: unknownId } }),
  ],
  [
    `POST /auth/request-verification?user_id=${unknownId}`,
    "an unknown user id",
    200,
    null,
    () => ({ method: "POST" }),
  ],
  [
    "POST /auth/request-verification?user_id=seven",
    "an invalid id",
    422,
    "validation_failed",
    () => ({ method: "POST" }),
  ],
  ["POST /auth/request-verification", "no credentials", 401, "not_authenticated", () => ({ method: "POST" })],
  [
    "POST /auth/request-verification",
    "an invalid token",
    401,
    "invalid_token",
    () => ({ method: "POST", headers: badHeaders.token }),
  ],

  [
    "POST /auth/request-password-reset",
    "an unknown email",
    200,
    null,
    () => ({ json: { email: freshEmail() } }),
  ],
  [
    "POST /auth/request-password-reset",
    "an invalid email",
    422,
    "validation_failed",
    () => ({ json: { email: "nobody" } }),
  ],
  [
    "POST /auth/request-password-reset",
    "an invalid project id",
    400,
    "invalid_project_id",
    () => ({ headers: badHeaders.project, json: { email: freshEmail() } }),
  ],
  [
    "POST /auth/request-password-reset",
    "an unknown project",
    404,
    "project_not_found",
    () => ({ headers: badHeaders.nobodysProject, json: { email: freshEmail() } }),
  ],
  [
    "POST /auth/reset-password",
    "a wrong token",
    400,
    "reset_token_invalid",
    () => ({ json: { token: "x", password } }),
  ],
  [
    "POST /auth/reset-password",
    "a weak password",
    422,
    "validation_failed",
    () => ({ json: { token: "x", password: "weak" } }),
  ],

  ["GET /auth/developer-keys", "a developer", 200, null, () => ({ headers: dev() })],
  ["GET /auth/developer-keys", "an end user", 403, "developers_only", () => ({ headers: user.headers })],
  ["GET /auth/developer-keys", "a management key", 401, "not_authenticated", () => ({ headers: management })],
  ...refusalsWithoutSignIn("GET /auth/developer-keys", bearer),
  [
    "POST /auth/developer-keys",
    "a developer",
    201,
    null,
    () => ({ headers: dev(), json: { name: "x".repeat(255) } }),
  ],
  [
    "POST /auth/developer-keys",
    "a name that is too long",
    422,
    "validation_failed",
    () => ({ headers: dev(), json: { name: "x".repeat(256) } }),
  ],
  [
    "POST /auth/developer-keys",
    "an expiry in the past",
    422,
    "validation_failed",
    () => ({ headers: dev(), json: { expires_at: "2020-01-01T00:00:00Z" } }),
  ],
  [
    "POST /auth/developer-keys",
    "an end user",
    403,
    "developers_only",
    () => ({ headers: user.headers, json: {} }),
  ],
  ...refusalsWithoutSignIn("POST /auth/developer-keys", bearer, {}),
  [
    `POST /auth/developer-keys/${unknownId}/rotate`,
    "an unknown key",
    404,
    "developer_key_not_found",
    () => ({ method: "POST", headers: dev() }),
  ],
  [
    `POST /auth/developer-keys/${unknownId}/rotate`,
    "a grace above seven days",
    422,
    "validation_failed",
    () => ({ headers: dev(), json: { grace_seconds: 604_801 } }),
  ],
  [
    "POST /auth/developer-keys/seven/rotate",
    "an invalid id",
    422,
    "validation_failed",
    () => ({ method: "POST", headers: dev() }),
  ],
  ...refusalsWithoutSignIn(`POST /auth/developer-keys/${unknownId}/rotate`, bearer, {}),
  [
    `DELETE /auth/developer-keys/${unknownId}`,
    "an unknown key",
    404,
    "developer_key_not_found",
    () => ({ headers: dev() }),
  ],
  [
    "DELETE /auth/developer-keys/seven",
    "an invalid id",
    422,
    "validation_failed",
    () => ({ headers: dev() }),
  ],
  [
    "DELETE /auth/developer-keys/:key",
    "the key in use",
    403,
    "developer_key_in_use",
    () => ({ headers: { ...dev(), ...management } }),
  ],
  ["DELETE /auth/developer-keys/:key", "a developer", 204, null, () => ({ headers: dev() })],
  [
    "DELETE /auth/developer-keys/:key",
    "a key that is revoked already",
    400,
    "developer_key_already_revoked",
    () => ({ headers: dev() }),
  ],

  [
    `DELETE /projects/:project/users/${unknownId}`,
    "an unknown user",
    404,
    "user_not_found",
    () => ({ headers: dev() }),
  ],
  [
    `DELETE /projects/${unknownId}/users/${unknownId}`,
    "an unknown project",
    404,
    "project_not_found",
    () => ({ headers: dev() }),
  ],
  [
    "DELETE /projects/:project/users/seven",
    "an invalid id",
    422,
    "validation_failed",
    () => ({ headers: dev() }),
  ],
  [
    `DELETE /projects/:project/users/${unknownId}`,
    "an end user",
    403,
    "developers_only",
    () => ({ headers: user.headers }),
  ],
  [`DELETE /projects/:project/users/${unknownId}`, "no credentials", 401, "not_authenticated", () => ({})],
];

describe("mails and developer keys", () =>
  testStatuses(rows, () => ({ key, project: developer.project.id })));
