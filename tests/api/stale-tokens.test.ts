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
    "of a session that was ended": { Authorization: `Bearer ${gone.token}` },
    "of a person of another project": { Authorization: `Bearer ${foreign.token}` },
    "that is no token": { Authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x" },
    "that is supabase-js' publishable key": { Authorization: `Bearer ${keys.publishable}` },
    "of another scheme": { Authorization: "Basic eA==" },
    "that is empty": { Authorization: "Bearer" },
  };
});

type Call = [
  name: string,
  status: number,
  path: () => string,
  sent: () => { headers: Headed; json?: unknown; method?: string },
];
const app = () => developer.project.headers;
const named = () => ({ "X-Project-ID": developer.project.id });
const calls: Call[] = [
  ["login", 200, () => "/auth/login", () => ({ headers: named(), json: { email: user.email, password } })],
  [
    "a developer's login",
    200,
    () => "/auth/login",
    () => ({ headers: {}, json: { email: developer.email, password } }),
  ],
  [
    "register",
    201,
    () => "/auth/register",
    () => ({ headers: app(), json: { email: freshEmail(), password } }),
  ],
  [
    "request-password-reset",
    200,
    () => "/auth/request-password-reset",
    () => ({ headers: named(), json: { email: freshEmail() } }),
  ],
  [
    "request-verification for a named account",
    200,
    () => `/auth/request-verification?user_id=${crypto.randomUUID()}`,
    () => ({ headers: {}, method: "POST" }),
  ],
  ["the public pictures", 200, () => "/generation/public", () => ({ headers: named() })],
];

describe.each([
  "of a session that was ended",
  "of a person of another project",
  "that is no token",
  "that is supabase-js' publishable key",
  "of another scheme",
  "that is empty",
])("a bearer %s", (kind) => {
  test.each(calls)("does not keep anybody from %s", async (_name, status, path, sent) => {
    const { headers, ...rest } = sent();
    const answer = await api(path(), { ...rest, headers: { ...headers, ...stale[kind] } });
    expect([answer.status, answer.body.detail]).toEqual([status, undefined]);
  });

  test("opens nothing that needs somebody to be signed in", async () => {
    for (const path of ["/auth/me", "/auth/sessions", "/projects", "/generation"]) {
      const answer = await api(path, {
        headers: { ...(path === "/generation" ? app() : {}), ...stale[kind] },
      });
      if (kind === "of a person of another project" && !["/projects", "/generation"].includes(path)) continue;
      expect([path, [401, 403].includes(errorOf(answer).status)]).toEqual([path, true]);
    }
  });
});

test("who asks for a new verification mail as the person signed in needs a token that is valid", async () => {
  const answer = await api("/auth/request-verification", {
    method: "POST",
    headers: stale["that is no token"] ?? {},
  });
  expect(errorOf(answer)).toMatchObject({ status: 401, code: "invalid_token" });
});

test("a stale token keeps no visitor from asking for a picture that was made without an account", async () => {
  const headers = stale["of a session that was ended"] ?? {};
  const path = `/generation/anonymous-generations-v2/${crypto.randomUUID()}/status`;
  expect(errorOf(await api(path, { headers }))).toMatchObject({ status: 404, code: "generation_not_found" });
});
