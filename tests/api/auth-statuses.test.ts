import { beforeAll, describe } from "vitest";
import {
  type Developer,
  type EndUser,
  freshEmail,
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

beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
});

const bearer = () => ({ Authorization: `Bearer ${user.token}` });
const app = () => developer.project.headers;
const account = (email = freshEmail()) => ({ email, password });
const passwords = { current_password: "Wrong-horse-9", new_password: "Another-horse-8" };

const rows: Row[] = [
  ["POST /auth/register", "an app's keys", 201, null, () => ({ headers: app(), json: account() })],
  ["POST /auth/register", "no keys", 403, "registration_key_required", () => ({ json: account() })],
  [
    "POST /auth/register",
    "no project",
    403,
    "project_id_required",
    () => ({ headers: { "X-Developer-Key": developer.project.developer_key }, json: account() }),
  ],
  [
    "POST /auth/register",
    "an invalid project id",
    400,
    "invalid_project_id",
    () => ({ headers: { ...app(), ...badHeaders.project }, json: account() }),
  ],
  [
    "POST /auth/register",
    "a mistyped key",
    403,
    "developer_key_invalid",
    () => ({ headers: { ...app(), ...badHeaders.key }, json: account() }),
  ],
  [
    "POST /auth/register",
    "an unknown operator key",
    403,
    "operator_key_invalid",
    () => ({ headers: { "X-Operator-Key": "ok_x" }, json: account() }),
  ],
  [
    "POST /auth/register",
    "an unknown project",
    404,
    "project_not_found",
    () => ({ headers: { ...app(), ...badHeaders.nobodysProject }, json: account() }),
  ],
  [
    "POST /auth/register",
    "an invalid token that it does not need",
    201,
    null,
    () => ({ headers: { ...app(), ...badHeaders.token }, json: account() }),
  ],
  [
    "POST /auth/register",
    "a taken email",
    409,
    "account_exists",
    () => ({ headers: app(), json: account(user.email) }),
  ],
  [
    "POST /auth/register",
    "a weak password",
    422,
    "validation_failed",
    () => ({ headers: app(), json: { email: freshEmail(), password: "weak" } }),
  ],

  [
    "POST /auth/login",
    "an end user",
    200,
    null,
    () => ({ headers: { "X-Project-ID": developer.project.id }, json: account(user.email) }),
  ],
  ["POST /auth/login", "a developer", 200, null, () => ({ json: account(developer.email) })],
  [
    "POST /auth/login",
    "a wrong password",
    401,
    "invalid_credentials",
    () => ({ json: { email: developer.email, password: "Wrong-horse-9" } }),
  ],
  ["POST /auth/login", "an unknown email", 401, "invalid_credentials", () => ({ json: account() })],
  [
    "POST /auth/login",
    "an end user without a project",
    401,
    "invalid_credentials",
    () => ({ json: account(user.email) }),
  ],
  [
    "POST /auth/login",
    "a developer with a project",
    401,
    "invalid_credentials",
    () => ({ headers: { "X-Project-ID": developer.project.id }, json: account(developer.email) }),
  ],
  [
    "POST /auth/login",
    "an invalid project id",
    400,
    "invalid_project_id",
    () => ({ headers: badHeaders.project, json: account() }),
  ],
  [
    "POST /auth/login",
    "an unknown project",
    404,
    "project_not_found",
    () => ({ headers: badHeaders.nobodysProject, json: account() }),
  ],
  [
    "POST /auth/login",
    "a mistyped key",
    403,
    "developer_key_invalid",
    () => ({ headers: badHeaders.key, json: account() }),
  ],
  ["POST /auth/login", "no password", 422, "validation_failed", () => ({ json: { email: user.email } })],

  ["POST /auth/refresh", "a good token", 200, null, () => ({ json: { refresh_token: user.refresh_token } })],
  ["POST /auth/refresh", "no body", 415, "unsupported_media_type", () => ({ method: "POST" })],
  [
    "POST /auth/refresh",
    "a bad token",
    401,
    "invalid_refresh_token",
    () => ({ json: { refresh_token: "x" } }),
  ],

  ["GET /auth/me", "a token", 200, null, () => ({ headers: bearer() })],
  ...refusalsWithoutSignIn("GET /auth/me", bearer),
  ["PATCH /auth/me", "a name", 200, null, () => ({ headers: bearer(), json: { full_name: "Ada" } })],
  [
    "PATCH /auth/me",
    "a name that is too long",
    422,
    "validation_failed",
    () => ({ headers: bearer(), json: { full_name: "x".repeat(256) } }),
  ],
  [
    "PATCH /auth/me",
    "NUL in a name",
    422,
    "validation_failed",
    () => ({ headers: bearer(), json: { full_name: "a\u0000b" } }),
  ],
  ...refusalsWithoutSignIn("PATCH /auth/me", bearer, { full_name: "Ada" }),
  [
    "DELETE /auth/me",
    "a wrong password",
    403,
    "wrong_password",
    () => ({ headers: bearer(), json: { password: "Wrong-horse-9" } }),
  ],
  ["DELETE /auth/me", "no password", 422, "validation_failed", () => ({ headers: bearer(), json: {} })],
  ...refusalsWithoutSignIn("DELETE /auth/me", bearer, { password }),

  [
    "POST /auth/logout",
    "an unknown scope",
    422,
    "validation_failed",
    () => ({ headers: bearer(), json: { scope: "all" } }),
  ],
  ...refusalsWithoutSignIn("POST /auth/logout", bearer, { scope: "local" }),
  ["GET /auth/sessions", "a token", 200, null, () => ({ headers: bearer() })],
  ...refusalsWithoutSignIn("GET /auth/sessions", bearer),
  [
    `DELETE /auth/sessions/${unknownId}`,
    "an unknown session",
    404,
    "session_not_found",
    () => ({ headers: bearer() }),
  ],
  ["DELETE /auth/sessions/seven", "an invalid id", 422, "validation_failed", () => ({ headers: bearer() })],
  ...refusalsWithoutSignIn(`DELETE /auth/sessions/${unknownId}`, bearer),

  [
    "POST /auth/change-password",
    "a wrong password",
    403,
    "wrong_password",
    () => ({ headers: bearer(), json: passwords }),
  ],
  [
    "POST /auth/change-password",
    "a weak password",
    422,
    "validation_failed",
    () => ({ headers: bearer(), json: { current_password: password, new_password: "weak" } }),
  ],
  ...refusalsWithoutSignIn("POST /auth/change-password", bearer, passwords),

  // These rows end the session and the account, so they come last.
  ["POST /auth/logout", "no body", 204, null, () => ({ method: "POST", headers: developer.headers })],
  ["GET /auth/me", "an ended session", 401, "invalid_token", () => ({ headers: developer.headers })],
  ["DELETE /auth/me", "the right password", 204, null, () => ({ headers: bearer(), json: { password } })],
  ["GET /auth/me", "a deleted account", 401, "invalid_token", () => ({ headers: bearer() })],
];

describe("accounts and sessions", () => testStatuses(rows));
