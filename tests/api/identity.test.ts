import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  freshEmail,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";

const { credentials } = inject("stack");

let first: Developer;
let second: Developer;
let email: string;
let inFirst: EndUser;
let inSecond: { id: string; token: string };
const otherPassword = "Another-horse-8";

beforeAll(async () => {
  [first, second] = await Promise.all([registerDeveloper(), registerDeveloper()]);
  email = freshEmail("ada");
  inFirst = await registerEndUser(first.project, email);
  const { body } = await api("/auth/register", {
    headers: second.project.headers,
    json: { email, password: otherPassword, full_name: "Ada in the second" },
  });
  inSecond = { id: body.id, token: body.access_token };
});

const in1 = () => ({ "X-Project-ID": first.project.id });
const in2 = () => ({ "X-Project-ID": second.project.id });
const tryLogin = (headers: Record<string, string>, secret: string, address = email) =>
  api("/auth/login", { headers, json: { email: address, password: secret } });

describe("one email in two projects", () => {
  test("one email in two projects is two accounts", async () => {
    expect(inFirst.id).not.toBe(inSecond.id);
    const me = (token: string) => api("/auth/me", { headers: { Authorization: `Bearer ${token}` } });
    expect((await me(inFirst.token)).body).toMatchObject({
      id: inFirst.id,
      email,
      full_name: null,
      role: "end_user",
      project_id: first.project.id,
    });
    expect((await me(inSecond.token)).body).toMatchObject({
      id: inSecond.id,
      email,
      full_name: "Ada in the second",
      project_id: second.project.id,
    });
  });

  test("the accounts of one email in two projects have their own passwords", async () => {
    expect((await tryLogin(in1(), password)).status).toBe(200);
    expect((await tryLogin(in2(), otherPassword)).status).toBe(200);
    for (const [project, secret] of [
      [in1(), otherPassword],
      [in2(), password],
    ] as const) {
      expect(errorOf(await tryLogin(project, secret))).toEqual({
        status: 401,
        code: "invalid_credentials",
        detail: "Incorrect email or password",
      });
    }
  });

  test("an end user cannot log in without the project's id", async () => {
    expect(errorOf(await tryLogin({}, password)).code).toBe("invalid_credentials");
  });

  test("an end user's token is invalid in another project", async () => {
    const headers = { ...second.project.headers, Authorization: `Bearer ${inFirst.token}` };
    const answer = await api("/generation/generate-v2", { headers, json: { prompt: "A lighthouse" } });
    expect(errorOf(answer)).toMatchObject({ status: 401, code: "invalid_token" });
  });
});

test("a login with a wrong password gets the same answer for known and unknown emails", async () => {
  const known = errorOf(await tryLogin(in1(), "Wrong-horse-1"));
  const unknown = errorOf(await tryLogin(in1(), "Wrong-horse-1", freshEmail("nobody")));
  expect(unknown).toEqual(known);
});

test("a developer can log in without a project and not with one", async () => {
  const { token } = await login(first.email);
  expect((await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).body).toMatchObject({
    id: first.id,
    role: "developer",
    project_id: null,
  });
  expect(errorOf(await tryLogin(in1(), password, first.email)).code).toBe("invalid_credentials");
});

test("a developer's registration returns the account, its first keys and valid tokens", async () => {
  const address = freshEmail("developer");
  const { status, body } = await api("/auth/register", {
    headers: { "X-Operator-Key": credentials.operator_key ?? "" },
    json: { email: address, password, full_name: "Dev" },
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    email: address,
    full_name: "Dev",
    role: "developer",
    is_active: true,
    is_verified: false,
    project_id: null,
    token_type: "bearer",
    provisioning: {
      project_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      developer_key: expect.stringMatching(/^ak_[\w-]{32}$/),
      api_key: expect.stringMatching(/^ak_[\w-]{32}$/),
    },
  });
  const refreshed = await api("/auth/refresh", { json: { refresh_token: body.refresh_token } });
  expect(refreshed.body).toMatchObject({ token_type: "bearer", expires_in: 1800 });
});
