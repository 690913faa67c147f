import { createClient } from "@supabase/supabase-js";
import { describe, expect, inject, it } from "vitest";

const { urls, keys } = inject("stack");
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const strongPassword = "Correct-Horse-9";

function connect(key: string | undefined) {
  if (key === undefined) throw new Error("This suite needs the publishable and the secret key of its target");
  return createClient(urls.gateway, key, options);
}

const admin = connect(keys.secret).auth.admin;
const anonymous = () => connect(keys.publishable).auth;

function newAddress(): string {
  return `${crypto.randomUUID()}@auth-admin.test`;
}

async function newUser(): Promise<{ id: string; email: string }> {
  const email = newAddress();
  const { data, error } = await admin.createUser({ email, password: strongPassword, email_confirm: true });
  if (error !== null) throw error;
  return { id: data.user.id, email };
}

describe("creating a user", () => {
  it("Auth creates a user with the given id, metadata and lower-cased email", async () => {
    const id = crypto.randomUUID();
    const email = newAddress();
    const { data, error } = await admin.createUser({
      id,
      email: email.toUpperCase(),
      password: strongPassword,
      email_confirm: true,
      user_metadata: { full_name: "Ada" },
      app_metadata: { project_id: "p" },
    });
    expect(error).toBeNull();
    expect(data.user).toMatchObject({ id, email, user_metadata: { full_name: "Ada" } });
    expect(data.user?.app_metadata).toMatchObject({ provider: "email", project_id: "p" });
    expect(data.user?.email_confirmed_at).toBeTruthy();
  });

  it("Auth refuses a second user with the same email as email_exists", async () => {
    const { email } = await newUser();
    const { error } = await admin.createUser({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 422, code: "email_exists" });
  });

  it("Auth creates a user with a weak password for an administrator", async () => {
    const email = newAddress();
    expect((await admin.createUser({ email, password: "weakweak", email_confirm: true })).error).toBeNull();
    expect((await anonymous().signInWithPassword({ email, password: "weakweak" })).error).toBeNull();
  });

  it("Auth refuses to create a user with a password of more than 72 bytes", async () => {
    const { error } = await admin.createUser({ email: newAddress(), password: `Aa1${"é".repeat(35)}` });
    expect(error).toMatchObject({ status: 400, code: "validation_failed" });
  });

  it("Auth refuses to create a user with an invalid email", async () => {
    const { error } = await admin.createUser({ email: "nobody", password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "validation_failed" });
  });

  it("of parallel creates of an Auth user with one email one succeeds, and the others get 422 or 500", async () => {
    const email = newAddress();
    const calls = Array.from({ length: 6 }, () =>
      admin.createUser({ email, password: strongPassword, email_confirm: true }),
    );
    const statuses = (await Promise.all(calls)).map(({ error }) => error?.status ?? 200);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 422 || status === 500)).toHaveLength(5);
    const { error } = await admin.createUser({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 422, code: "email_exists" });
  });
});

describe("a created user", () => {
  it("a created Auth user can sign in, refresh the session and be read by the token", async () => {
    const { id, email } = await newUser();
    const auth = anonymous();
    const { data, error } = await auth.signInWithPassword({ email, password: strongPassword });
    expect(error).toBeNull();
    const refreshed = await auth.refreshSession({ refresh_token: data.session?.refresh_token ?? "" });
    expect(refreshed.error).toBeNull();
    expect(refreshed.data.session?.refresh_token).not.toBe(data.session?.refresh_token);
    const { data: known } = await auth.getUser(refreshed.data.session?.access_token);
    expect(known.user).toMatchObject({ id, email });
  });

  it("a created Auth user cannot sign in before the email is confirmed", async () => {
    const email = newAddress();
    await admin.createUser({ email, password: strongPassword });
    const { error } = await anonymous().signInWithPassword({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "email_not_confirmed" });
  });
});

describe("changing a user", () => {
  it("changing an Auth user's password ends every session and invalidates the old password", async () => {
    const { id, email } = await newUser();
    const auth = anonymous();
    const { data: before } = await auth.signInWithPassword({ email, password: strongPassword });
    expect((await admin.updateUserById(id, { password: "Another-Horse-8" })).error).toBeNull();
    const refresh = await auth.refreshSession({ refresh_token: before.session?.refresh_token ?? "" });
    expect(refresh.error).not.toBeNull();
    const old = await anonymous().signInWithPassword({ email, password: strongPassword });
    expect(old.error).toMatchObject({ status: 400, code: "invalid_credentials" });
    const fresh = await anonymous().signInWithPassword({ email, password: "Another-Horse-8" });
    expect(fresh.error).toBeNull();
  });

  it("an Auth user's email can be changed, but not to a taken one", async () => {
    const [one, two] = [await newUser(), await newUser()];
    const moved = newAddress();
    expect((await admin.updateUserById(one.id, { email: moved, email_confirm: true })).error).toBeNull();
    expect(
      (await anonymous().signInWithPassword({ email: moved, password: strongPassword })).error,
    ).toBeNull();
    const { error } = await admin.updateUserById(one.id, { email: two.email });
    expect(error).toMatchObject({ status: 422, code: "email_exists" });
  });

  it.each([
    ["no upper-case letter", "correct-horse-9", ["characters"]],
    ["no digit", "Correct-Horse-x", ["characters"]],
    ["seven characters", "Abcde12", ["length"]],
    ["short and plain", "abc", ["length", "characters"]],
  ])(
    "Auth refuses to change a user's password to a weak one (%s) and names the reasons",
    async (_name, password, reasons) => {
      const { id } = await newUser();
      const { error } = await admin.updateUserById(id, { password });
      expect(error).toMatchObject({ status: 422, code: "weak_password", reasons });
    },
  );

  it("an Auth user can be banned and unbanned", async () => {
    const { id } = await newUser();
    const banned = await admin.updateUserById(id, { ban_duration: "24h" });
    expect(Date.parse(banned.data.user?.banned_until ?? "")).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    const freed = await admin.updateUserById(id, { ban_duration: "none" });
    expect(freed.data.user?.banned_until).toBeUndefined();
  });

  it("changing an unknown Auth user answers user_not_found", async () => {
    const { error } = await admin.updateUserById(crypto.randomUUID(), { password: strongPassword });
    expect(error).toMatchObject({ status: 404, code: "user_not_found" });
  });
});

describe("deleting a user", () => {
  it("a deleted Auth user cannot sign in, and a second deletion answers user_not_found", async () => {
    const { id, email } = await newUser();
    expect((await admin.deleteUser(id)).error).toBeNull();
    const { error } = await anonymous().signInWithPassword({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "invalid_credentials" });
    expect((await admin.deleteUser(id)).error).toMatchObject({ status: 404, code: "user_not_found" });
  });
});

describe("the administration", () => {
  it("the administration of Auth refuses the publishable key", async () => {
    const { error } = await connect(keys.publishable).auth.admin.createUser({
      email: newAddress(),
      password: strongPassword,
    });
    expect([401, 403]).toContain(error?.status);
  });

  it("the administration of Auth refuses a user's token", async () => {
    const { email } = await newUser();
    const { data } = await anonymous().signInWithPassword({ email, password: strongPassword });
    const response = await fetch(`${urls.gateway}/auth/v1/admin/users`, {
      method: "POST",
      headers: { apikey: keys.publishable ?? "", authorization: `Bearer ${data.session?.access_token}` },
      body: JSON.stringify({ email: newAddress(), password: strongPassword }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 403, error_code: "not_admin" });
  });
});
