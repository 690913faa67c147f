import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  freshEmail,
  type Headed,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";

const { keys } = inject("stack");
let developer: Developer;
let user: EndUser;
let stale: Record<string, Headed>;

beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
  const gone = await registerEndUser(developer.project);
  await api("/auth/logout", { method: "POST", headers: gone.headers });
  const other = await registerDeveloper();
  const foreign = await registerEndUser(other.project);
  stale = {
    "of an ended session": { Authorization: `Bearer ${gone.token}` },
    "of another project's user": { Authorization: `Bearer ${foreign.token}` },
    "with an invalid token": { Authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x" },
    "with the publishable key": { Authorization: `Bearer ${keys.publishable}` },
    "of another scheme": { Authorization: "Basic eA==" },
    "without a token": { Authorization: "Bearer" },
  };
});

type Call = [
  name: string,
  status: number,
  path: () => string,
  sent: () => { headers: Headed; json?: unknown; method?: string },
];
const app = () => developer.project.headers;
const projectHeaders = () => ({ "X-Project-ID": developer.project.id });
const calls: Call[] = [
  [
    "an end user's login",
    200,
    () => "/auth/login",
    () => ({ headers: projectHeaders(), json: { email: user.email, password } }),
  ],
  [
    "a developer's login",
    200,
    () => "/auth/login",
    () => ({ headers: {}, json: { email: developer.email, password } }),
  ],
  [
    "a registration",
    201,
    () => "/auth/register",
    () => ({ headers: app(), json: { email: freshEmail(), password } }),
  ],
  [
    "a request for a password reset",
    200,
    () => "/auth/request-password-reset",
    () => ({ headers: projectHeaders(), json: { email: freshEmail() } }),
  ],
  [
    "a request for verification by user id",
    200,
    () => `/auth/request-verification?user_id=${crypto.randomUUID()}`,
    () => ({ headers: {}, method: "POST" }),
  ],
  ["reading the public list", 200, () => "/generation/public", () => ({ headers: projectHeaders() })],
];

describe.each([
  "of an ended session",
  "of another project's user",
  "with an invalid token",
  "with the publishable key",
  "of another scheme",
  "without a token",
])("an Authorization header %s", (kind) => {
  test.each(calls)(
    `an Authorization header ${kind} does not prevent %s`,
    async (_name, status, path, sent) => {
      const { headers, ...rest } = sent();
      const answer = await api(path(), { ...rest, headers: { ...headers, ...stale[kind] } });
      expect([answer.status, answer.body.detail]).toEqual([status, undefined]);
    },
  );

  test(`an Authorization header ${kind} opens no operation that needs a signed-in user`, async () => {
    for (const path of ["/auth/me", "/auth/sessions", "/projects", "/generation"]) {
      const answer = await api(path, {
        headers: { ...(path === "/generation" ? app() : {}), ...stale[kind] },
      });
      if (kind === "of another project's user" && !["/projects", "/generation"].includes(path)) continue;
      expect([path, [401, 403].includes(errorOf(answer).status)]).toEqual([path, true]);
    }
  });
});

test("request-verification for the signed-in user refuses an invalid token", async () => {
  const answer = await api("/auth/request-verification", {
    method: "POST",
    headers: stale["with an invalid token"] ?? {},
  });
  expect(errorOf(answer)).toMatchObject({ status: 401, code: "invalid_token" });
});

test("a token of an ended session does not prevent reading an anonymous generation", async () => {
  const headers = stale["of an ended session"] ?? {};
  const path = `/generation/anonymous-generations-v2/${crypto.randomUUID()}/status`;
  expect(errorOf(await api(path, { headers }))).toMatchObject({ status: 404, code: "generation_not_found" });
});
