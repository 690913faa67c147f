import { beforeAll, describe, expect, inject, test } from "vitest";
import { signHmac } from "../support/auth-tokens.ts";
import { rest } from "../support/call-gateway.ts";
import { claimsOf, owner } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

describe("a forged token", () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

  test.each<[string, (claims: object) => string]>([
    ["without a signature", (claims) => `${encode({ alg: "none" })}.${encode(claims)}.`],
    [
      "signed with another secret",
      (claims) => signHmac({ alg: "HS256" }, claims, "another-secret-another-secret-1234"),
    ],
    [
      "signed with the publishable key",
      (claims) => signHmac({ alg: "HS256" }, claims, inject("stack").keys.publishable ?? ""),
    ],
  ])("a token %s is refused at /rest/v1, whatever it claims", async (_name, forge) => {
    const claims = claimsOf(world.a.user.token);
    for (const forged of [claims, { ...claims, role: "service_role" }, { ...claims, role: "postgres" }]) {
      const { status, body } = await rest({ token: forge(forged) }, "GET", "users?select=id");
      expect(status).toBe(401);
      expect(body).not.toHaveProperty("0");
    }
  });
});

describe("tokens that end at /rest/v1", () => {
  const seen = async (token: string) => (await rest({ token }, "GET", "users?select=id")).body;

  test("a token reads no row at /rest/v1 once its session is deleted", async () => {
    const { token, id } = world.a.peer;
    expect(await seen(token)).toEqual([{ id }]);
    await owner`delete from auth.sessions where id = ${String(claimsOf(token).session_id)}`;
    expect(await seen(token)).toEqual([]);
    expect((await rest({ token }, "GET", "generations?select=id")).body).toEqual([]);
  });

  test("a token reads no row at /rest/v1 once its session has expired", async () => {
    const { token, id } = world.b.peer;
    expect(await seen(token)).toEqual([{ id }]);
    await owner`update auth.sessions set not_after = now() - interval '1 second' where user_id = ${id}`;
    expect(await seen(token)).toEqual([]);
  });

  test("a token reads no row at /rest/v1 once the project or its owner is deactivated", async () => {
    const { user, project_id, developer } = world.b;
    expect(await seen(user.token)).toEqual([{ id: user.id }]);
    await owner`update public.projects set is_active = false where id = ${project_id}`;
    expect(await seen(user.token)).toEqual([]);
    await owner`update public.projects set is_active = true where id = ${project_id}`;
    expect(await seen(user.token)).toEqual([{ id: user.id }]);
    await owner`update public.users set deactivated_at = now() where id = ${developer.id}`;
    expect([await seen(user.token), await seen(developer.token)]).toEqual([[], []]);
    await owner`update public.users set deactivated_at = null where id = ${developer.id}`;
    await owner`update public.projects set deleted_at = now() where id = ${project_id}`;
    expect(await seen(user.token)).toEqual([]);
    expect((await rest({ token: developer.token }, "GET", "api_keys?select=id")).body).toEqual([]);
  });
});
