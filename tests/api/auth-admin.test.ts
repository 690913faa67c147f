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
const visitor = () => connect(keys.publishable).auth;

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
  it("takes the id, the address in lower case and the metadata that it was given", async () => {
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

  it("refuses a second user with the same address as email_exists", async () => {
    const { email } = await newUser();
    const { error } = await admin.createUser({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 422, code: "email_exists" });
  });

  it("takes a weak password, as Supabase Auth does: the API looks at it first", async () => {
    const email = newAddress();
    expect((await admin.createUser({ email, password: "weakweak", email_confirm: true })).error).toBeNull();
    expect((await visitor().signInWithPassword({ email, password: "weakweak" })).error).toBeNull();
  });

  it("refuses a password of more than 72 bytes", async () => {
    const { error } = await admin.createUser({ email: newAddress(), password: `Aa1${"é".repeat(35)}` });
    expect(error).toMatchObject({ status: 400, code: "validation_failed" });
  });

  it("refuses an address that is none", async () => {
    const { error } = await admin.createUser({ email: "nobody", password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "validation_failed" });
  });

  it("lets one of several simultaneous calls with the same address win; the others get 500 or email_exists", async () => {
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
  it("signs in, refreshes the session and is known by the token", async () => {
    const { id, email } = await newUser();
    const auth = visitor();
    const { data, error } = await auth.signInWithPassword({ email, password: strongPassword });
    expect(error).toBeNull();
    const refreshed = await auth.refreshSession({ refresh_token: data.session?.refresh_token ?? "" });
    expect(refreshed.error).toBeNull();
    expect(refreshed.data.session?.refresh_token).not.toBe(data.session?.refresh_token);
    const { data: known } = await auth.getUser(refreshed.data.session?.access_token);
    expect(known.user).toMatchObject({ id, email });
  });

  it("does not sign in before the address is confirmed", async () => {
    const email = newAddress();
    await admin.createUser({ email, password: strongPassword });
    const { error } = await visitor().signInWithPassword({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "email_not_confirmed" });
  });
});

describe("changing a user", () => {
  it("sets a new password, ends every session and refuses the old password", async () => {
    const { id, email } = await newUser();
    const auth = visitor();
    const { data: before } = await auth.signInWithPassword({ email, password: strongPassword });
    expect((await admin.updateUserById(id, { password: "Another-Horse-8" })).error).toBeNull();
    const refresh = await auth.refreshSession({ refresh_token: before.session?.refresh_token ?? "" });
    expect(refresh.error).not.toBeNull();
    const old = await visitor().signInWithPassword({ email, password: strongPassword });
    expect(old.error).toMatchObject({ status: 400, code: "invalid_credentials" });
    const fresh = await visitor().signInWithPassword({ email, password: "Another-Horse-8" });
    expect(fresh.error).toBeNull();
  });

  it("moves the user to a new address, and not to one that is taken", async () => {
    const [one, two] = [await newUser(), await newUser()];
    const moved = newAddress();
    expect((await admin.updateUserById(one.id, { email: moved, email_confirm: true })).error).toBeNull();
    expect((await visitor().signInWithPassword({ email: moved, password: strongPassword })).error).toBeNull();
    const { error } = await admin.updateUserById(one.id, { email: two.email });
    expect(error).toMatchObject({ status: 422, code: "email_exists" });
  });

  it.each([
    ["no upper-case letter", "correct-horse-9", ["characters"]],
    ["no digit", "Correct-Horse-x", ["characters"]],
    ["seven characters", "Abcde12", ["length"]],
    ["short and plain", "abc", ["length", "characters"]],
  ])("refuses a weak password (%s) and says why", async (_name, password, reasons) => {
    const { id } = await newUser();
    const { error } = await admin.updateUserById(id, { password });
    expect(error).toMatchObject({ status: 422, code: "weak_password", reasons });
  });

  it("bans and frees", async () => {
    const { id } = await newUser();
    const banned = await admin.updateUserById(id, { ban_duration: "24h" });
    expect(Date.parse(banned.data.user?.banned_until ?? "")).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    const freed = await admin.updateUserById(id, { ban_duration: "none" });
    expect(freed.data.user?.banned_until).toBeUndefined();
  });

  it("answers user_not_found for nobody", async () => {
    const { error } = await admin.updateUserById(crypto.randomUUID(), { password: strongPassword });
    expect(error).toMatchObject({ status: 404, code: "user_not_found" });
  });
});

describe("deleting a user", () => {
  it("ends the account for good, once", async () => {
    const { id, email } = await newUser();
    expect((await admin.deleteUser(id)).error).toBeNull();
    const { error } = await visitor().signInWithPassword({ email, password: strongPassword });
    expect(error).toMatchObject({ status: 400, code: "invalid_credentials" });
    expect((await admin.deleteUser(id)).error).toMatchObject({ status: 404, code: "user_not_found" });
  });
});

describe("the administration", () => {
  it("is closed to the publishable key", async () => {
    const { error } = await connect(keys.publishable).auth.admin.createUser({
      email: newAddress(),
      password: strongPassword,
    });
    expect([401, 403]).toContain(error?.status);
  });

  it("is closed to a user's own token", async () => {
    const { email } = await newUser();
    const { data } = await visitor().signInWithPassword({ email, password: strongPassword });
    const response = await fetch(`${urls.gateway}/auth/v1/admin/users`, {
      method: "POST",
      headers: { apikey: keys.publishable ?? "", authorization: `Bearer ${data.session?.access_token}` },
      body: JSON.stringify({ email: newAddress(), password: strongPassword }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 403, error_code: "not_admin" });
  });
});
