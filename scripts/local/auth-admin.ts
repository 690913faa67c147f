import { randomBytes, randomUUID } from "node:crypto";
import { Hono } from "hono";
import { jwtVerify } from "jose";
import type postgres from "postgres";
import { isUuid } from "../../supabase/functions/api/uuid.ts";
import {
  assertBan,
  assertPassword,
  assertPasswordLength,
  emailOf,
  type UserInput,
} from "./auth-admin-input.ts";
import { jsonObject } from "./auth-checks.ts";
import { authRefusal } from "./auth-refusal.ts";
import type { Keys } from "./keys.ts";
import type { PlatformEnv } from "./to-lite.ts";

export type AdminOptions = {
  minimum_password_length: number;
  /** The bcrypt cost of a new password. */
  password_cost: number;
  keys: Pick<Keys, "secret" | "service_role" | "jwt_secret">;
};

/** The admin endpoints of Supabase Auth that the API uses: create, read, update and delete a user. */
export function authAdmin(options: AdminOptions): Hono<PlatformEnv> {
  const app = new Hono<PlatformEnv>();
  app.use(async (c, next) => {
    await assertAdmin(c.req.header("apikey"), c.var.authorization, options.keys);
    return next();
  });
  app.post("/users", async (c) => c.json(await createUser(c.var.sql, inputOf(c.var.body), options)));
  app.on(["GET", "PUT", "DELETE"], "/users/:id", (c, next) => {
    if (isUuid(c.req.param("id"))) return next();
    throw authRefusal(404, "validation_failed", "user_id must be an UUID");
  });
  // supabase-js reads a user before it deletes one.
  app.get("/users/:id", async (c) => c.json(await readUser(c.var.sql, c.req.param("id"))));
  app.put("/users/:id", async (c) =>
    c.json(await updateUser(c.var.sql, c.req.param("id"), inputOf(c.var.body), options)),
  );
  app.delete("/users/:id", async (c) => c.json(await deleteUser(c.var.sql, c.req.param("id"))));
  app.all("*", () => {
    throw authRefusal(404, "not_found", "The embedded stack does not offer this administration call");
  });
  return app;
}

function inputOf(text: string): UserInput {
  const input = jsonObject(text || "{}");
  if (input === undefined) throw authRefusal(400, "bad_json", "Could not parse request body as JSON");
  return input;
}

async function assertAdmin(
  apikey: string | undefined,
  authorization: string | undefined,
  keys: AdminOptions["keys"],
): Promise<void> {
  const is_secret = (key: string | undefined) => key === keys.secret || key === keys.service_role;
  const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  if (bearer === undefined || bearer.startsWith("sb_")) {
    if (is_secret(apikey) && (bearer === undefined || bearer === apikey)) return;
    throw authRefusal(401, "no_authorization", "This endpoint requires a valid Bearer token");
  }
  if (is_secret(bearer)) return;
  const secret = new TextEncoder().encode(keys.jwt_secret);
  const { payload } = await jwtVerify(bearer, secret, { algorithms: ["HS256"] }).catch(() => {
    throw authRefusal(403, "bad_jwt", "invalid JWT: unable to parse or verify signature");
  });
  if (payload.role !== "service_role") throw authRefusal(403, "not_admin", "User not allowed");
}

async function createUser(sql: postgres.Sql, input: UserInput, options: AdminOptions) {
  if (!input.email)
    throw authRefusal(400, "validation_failed", "Cannot create a user without either an email or phone");
  const email = emailOf(input.email);
  const id = input.id?.toLowerCase() || randomUUID();
  if (!isUuid(id)) throw authRefusal(400, "validation_failed", "ID must conform to the uuid v4 format");
  // A user without a password gets a random one, so nobody can sign in with it, as at Supabase Auth.
  const password = input.password || `${randomBytes(24).toString("base64url")}aA1`;
  // Supabase Auth checks the strength of a password when it changes, but not here.
  assertPasswordLength(password);
  await refuseKnownAddress(sql, email);
  const confirmed = input.email_confirm === true;
  const user_metadata = { ...input.user_metadata, ...(confirmed ? { email_verified: true } : {}) };
  const app_metadata = { provider: "email", providers: ["email"], ...input.app_metadata };
  const identity = { sub: id, email, email_verified: false, phone_verified: false };
  await sql
    .begin(async (tx) => {
      await tx`
        insert into auth.users
          (id, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
        values
          (${id}, ${email}, extensions.crypt(${password}, extensions.gen_salt('bf', ${options.password_cost})),
          ${confirmed ? new Date() : null}, ${tx.json(app_metadata as never)}, ${tx.json(user_metadata as never)})`;
      await tx`
        insert into auth.identities (id, provider, provider_id, user_id, identity_data)
        values (${randomUUID()}, 'email', ${id}, ${id}, ${tx.json(identity)})`;
    })
    .catch(failDuplicate);
  return readUser(sql, id);
}

async function updateUser(sql: postgres.Sql, id: string, input: UserInput, options: AdminOptions) {
  const email = input.email ? emailOf(input.email) : null;
  const password = input.password || null;
  if (password !== null) assertPassword(password, options.minimum_password_length);
  const ban = input.ban_duration || null;
  if (ban !== null) assertBan(ban);
  if (email !== null) await refuseKnownAddress(sql, email, id);
  await sql
    .begin(async (tx) => {
      const found = await tx`
        update auth.users set
          email = coalesce(${email}, email),
          email_confirmed_at = case when ${input.email_confirm === true} then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
          encrypted_password = coalesce(extensions.crypt(${password}, extensions.gen_salt('bf', ${options.password_cost})), encrypted_password),
          recovery_token = case when ${password}::text is null then recovery_token end,
          raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || ${tx.json((input.user_metadata ?? {}) as never)}::jsonb,
          raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || ${tx.json((input.app_metadata ?? {}) as never)}::jsonb,
          banned_until = case when ${ban}::text is null then banned_until else now() + nullif(${ban}, 'none')::interval end,
          updated_at = now()
        where id = ${id} returning id`;
      if (found.length === 0) throw authRefusal(404, "user_not_found", "User not found");
      if (email !== null) {
        await tx`
          update auth.identities set identity_data = identity_data || ${tx.json({ email })}::jsonb, updated_at = now()
          where user_id = ${id} and provider = 'email'`;
      }
      // A new password ends every session, as at Supabase Auth.
      if (password !== null) await tx`delete from auth.sessions where user_id = ${id}`;
    })
    .catch(failDuplicate);
  return readUser(sql, id);
}

async function deleteUser(sql: postgres.Sql, id: string) {
  const [deleted] = await sql`
    with tokens as (delete from auth.refresh_tokens where user_id = ${id})
    delete from auth.users where id = ${id} returning id`;
  if (deleted === undefined) throw authRefusal(404, "user_not_found", "User not found");
  return {};
}

async function readUser(sql: postgres.Sql, id: string) {
  const [user] = await sql`
    select id, aud, role, email, coalesce(phone, '') as phone, email_confirmed_at, confirmed_at, recovery_sent_at,
      last_sign_in_at, banned_until, raw_app_meta_data as app_metadata, raw_user_meta_data as user_metadata,
      created_at, updated_at, is_anonymous,
      (select coalesce(jsonb_agg(jsonb_build_object(
        'identity_id', identities.id, 'id', identities.provider_id, 'user_id', identities.user_id,
        'identity_data', identities.identity_data, 'provider', identities.provider, 'email', identities.email,
        'created_at', identities.created_at, 'updated_at', identities.updated_at)), '[]')
        from auth.identities where identities.user_id = users.id) as identities
    from auth.users where id = ${id}`;
  if (user === undefined) throw authRefusal(404, "user_not_found", "User not found");
  return Object.fromEntries(Object.entries(user).filter(([, value]) => value !== null));
}

async function refuseKnownAddress(sql: postgres.Sql, email: string, own = ""): Promise<void> {
  const [known] = await sql`select id from auth.users where email = ${email} and id::text <> ${own} limit 1`;
  if (known !== undefined)
    throw authRefusal(422, "email_exists", "A user with this email address has already been registered");
}

/** If two creates race for an address, or the id exists, Supabase Auth gives an error without a reason. */
function failDuplicate(error: unknown): never {
  if ((error as { code?: string }).code !== "23505") throw error;
  throw authRefusal(500, "unexpected_failure", "Database error creating new user");
}
