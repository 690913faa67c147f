import { beforeAll, describe, expect, test } from "vitest";
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
import { operatorHeaders } from "../support/management.ts";

let developer: Developer;
let other: Developer;
let user: EndUser;
beforeAll(async () => {
  [developer, other] = await Promise.all([registerDeveloper(), registerDeveloper()]);
  user = await registerEndUser(developer.project);
});

const as = (role: string) => ({ "X-User-Role": role });

describe("X-User-Role", () => {
  test.each(["platform_operator", "operator", ""])(
    "X-User-Role %j is accepted for an operator",
    async (role) => {
      expect((await api("/projects", { headers: { ...operatorHeaders, ...as(role) } })).status).toBe(200);
    },
  );

  test.each(["developer", "end_user", "owner", "x".repeat(5_000)])(
    "X-User-Role %j is refused for an operator",
    async (role) => {
      const answer = await api("/projects", { headers: { ...operatorHeaders, ...as(role) } });
      expect(errorOf(answer)).toMatchObject({ status: 403, code: "role_mismatch" });
    },
  );

  test.each(["platform_operator", "operator", "end_user"])(
    "X-User-Role %s is refused for a developer",
    async (role) => {
      const answer = await api("/projects", { headers: { ...developer.headers, ...as(role) } });
      expect(errorOf(answer)).toMatchObject({ status: 403, code: "role_mismatch" });
    },
  );
});

describe("X-User-Role at registration", () => {
  const register = (headers: Headed) =>
    api("/auth/register", { headers, json: { email: freshEmail("role"), password } });

  test.each(["developer", "platform_operator", "operator"])(
    "a registration with X-User-Role %s and an operator key makes a developer",
    async (role) => {
      const answer = await register({ ...operatorHeaders, ...as(role) });
      expect([answer.status, answer.body.role]).toEqual([201, "developer"]);
    },
  );

  test("a registration with X-User-Role end_user and a project's keys makes an end user", async () => {
    const answer = await register({ ...developer.project.headers, ...as("end_user") });
    expect([answer.status, answer.body.role]).toEqual([201, "end_user"]);
  });

  test.each<[string, () => Headed]>([
    ["end_user", () => operatorHeaders],
    ["developer", () => developer.project.headers],
    ["platform_operator", () => developer.project.headers],
  ])("a registration with X-User-Role %s and the keys of another role is refused", async (role, headers) => {
    const answer = await register({ ...headers(), ...as(role) });
    expect(errorOf(answer)).toMatchObject({ status: 403, code: "role_mismatch" });
  });
});

describe("the owner of a project in the role of an end user", () => {
  const all = () => ({ ...developer.headers, ...developer.project.headers, ...as("end_user") });
  const generate = (headers: Headed) =>
    api("/generation/generate-v2", { headers, json: { prompt: "A lighthouse" } });

  test("a developer with all four credentials can create, list, read and delete generations as end_user", async () => {
    const created = await generate(all());
    expect(created.status).toBe(200);
    const { id } = created.body;
    expect((await api(`/generation/${id}/status`, { headers: all() })).body.id).toBe(id);
    expect((await api("/generation", { headers: all() })).body.total).toBeGreaterThan(0);
    expect((await api("/auth/me", { headers: all() })).body).toMatchObject({
      id: developer.id,
      role: "developer",
    });
    const deleted = await api(`/generation/generations/${id}`, { method: "DELETE", headers: all() });
    expect([deleted.status, deleted.body.message]).toEqual([200, "Generation deleted successfully"]);
  });

  test.each(["X-Developer-Key", "X-Project-ID", "X-API-Key"])(
    "a developer cannot generate as end_user without %s",
    async (name) => {
      const { [name]: _, ...rest } = all() as Headed;
      expect((await generate(rest)).status).toBe(403);
    },
  );

  test("a developer cannot generate as end_user without a token", async () => {
    const { Authorization: _, ...rest } = all() as Headed;
    expect((await generate(rest)).status).toBe(401);
  });

  test("a developer cannot generate as end_user in another developer's project", async () => {
    const attempts: [Headed, string][] = [
      [other.headers, "developer_key_invalid"],
      [other.project.headers, "developer_key_invalid"],
      [{ "X-API-Key": other.project.api_key }, "api_key_invalid"],
      [{ "X-Developer-Key": other.project.developer_key }, "developer_key_invalid"],
      [{ "X-Project-ID": other.project.id }, "developer_key_invalid"],
    ];
    for (const [headers, code] of attempts)
      expect(errorOf(await generate({ ...all(), ...headers })).code).toBe(code);
  });

  test("a developer in the role end_user cannot manage projects", async () => {
    const answer = await api("/projects", { headers: all() });
    expect(errorOf(answer)).toMatchObject({ status: 403, code: "role_mismatch" });
  });

  test("an end user cannot claim the role developer", async () => {
    const answer = await generate({ ...user.headers, ...as("developer") });
    expect(errorOf(answer)).toMatchObject({ status: 403, code: "role_mismatch" });
  });
});
