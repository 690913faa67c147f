import { describe, expect, inject, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase } from "../support/management.ts";

const { keys } = inject("stack");
const sql = openDatabase();

const refresh = (refreshToken: string) => api("/auth/refresh", { json: { refresh_token: refreshToken } });
const me = async (token: string) =>
  (await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status;

async function user() {
  const { project } = await registerDeveloper();
  return registerEndUser(project);
}

/** Moves the last use of a session's tokens back by a minute. Auth stores it with each token, or (v2) with the session. */
async function letAMinutePass(accessToken: string) {
  const { session_id } = JSON.parse(Buffer.from(accessToken.split(".")[1] ?? "", "base64url").toString());
  await sql`update auth.refresh_tokens set updated_at = updated_at - interval '1 minute' where session_id = ${session_id}`;
  await sql`update auth.sessions set refreshed_at = refreshed_at - interval '1 minute' where id = ${session_id}`;
}

describe("refresh", () => {
  test("parallel refreshes with one token within ten seconds all succeed", async () => {
    const { refresh_token } = await user();
    const tabs = await Promise.all(Array.from({ length: 8 }, () => refresh(refresh_token)));
    expect(tabs.map((tab) => tab.status)).toEqual(Array(8).fill(200));
    for (const tab of tabs) expect(await me(tab.body.access_token)).toBe(200);
    // Each tab can refresh again, also after another tab has done so.
    for (const tab of tabs.slice(0, 2)) expect((await refresh(tab.body.refresh_token)).status).toBe(200);
    expect((await refresh(refresh_token)).status).toBe(200);
  });

  test("reusing an old refresh token ends the session and its access tokens", async () => {
    const { refresh_token: stolen, token } = await user();
    const second = await refresh(stolen);
    const third = await refresh(second.body.refresh_token);
    await letAMinutePass(token);
    expect(await me(third.body.access_token)).toBe(200);
    expect(errorOf(await refresh(stolen))).toMatchObject({ status: 401, code: "refresh_token_reused" });
    for (const access of [token, second.body.access_token, third.body.access_token]) {
      expect(await me(access)).toBe(401);
    }
    for (const latest of [second, third]) {
      expect((await refresh(latest.body.refresh_token)).status).toBe(401);
    }
  });

  test("the refresh token before the newest one still works, in case an answer was lost", async () => {
    const { refresh_token, token } = await user();
    expect((await refresh(refresh_token)).status).toBe(200);
    await letAMinutePass(token);
    const again = await refresh(refresh_token);
    expect(again.status).toBe(200);
    expect((await refresh(again.body.refresh_token)).status).toBe(200);
  });

  test.each([
    ["an arbitrary word", "nonsense"],
    ["an unknown token", "aaaaaaaaaaaa"],
    ["an access token", keys.anon ?? "eyJhbGciOiJIUzI1NiJ9.e30.x"],
    ["SQL", "' or true --"],
    ["4096 characters", "x".repeat(4096)],
    ["15,000 characters", "x".repeat(15_000)],
    ["NUL", "\u0000"],
    ["an empty text", ""],
  ])("%s is refused as refresh token", async (_name, token) => {
    expect(errorOf(await refresh(token))).toMatchObject({ status: 401, code: "invalid_refresh_token" });
  });

  test("a refresh refuses a missing token, a number, a megabyte and an invalid bearer token", async () => {
    expect(errorOf(await refresh("x".repeat(1_000_000)))).toMatchObject({ status: 413 });
    expect(errorOf(await api("/auth/refresh", { json: {} })).status).toBe(422);
    expect(errorOf(await refresh(7 as unknown as string)).status).toBe(422);
    expect(
      errorOf(await api("/auth/refresh", { method: "POST", headers: { Authorization: "Bearer x" } })),
    ).toMatchObject({ status: 401, code: "invalid_refresh_token" });
  });

  test("a session ends seven days after it began, however often it was refreshed", async () => {
    const { id, refresh_token, token } = await user();
    const { body } = await refresh(refresh_token);
    expect(await me(token)).toBe(200);
    await sql`update auth.sessions set created_at = now() - interval '7 days 1 second' where user_id = ${id}`;
    expect(await me(token)).toBe(401);
    expect(await me(body.access_token)).toBe(401);
    expect(errorOf(await refresh(body.refresh_token)).status).toBe(401);
    expect(await me(body.access_token)).toBe(401);
  });
});

test("a refresh accepts the token as bearer token too", async () => {
  const { refresh_token } = await user();
  const answer = await api("/auth/refresh", {
    method: "POST",
    headers: { Authorization: `Bearer ${refresh_token}` },
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ token_type: "bearer", expires_in: 1800 });
});
