import { randomBytes, randomUUID } from "node:crypto";
import { jwtVerify } from "jose";
import type postgres from "postgres";
import {
  assertPassword,
  assertPasswordLength,
  banOf,
  emailOf,
  Refusal,
  type UserInput,
} from "./auth-admin-input.ts";
import type { Keys } from "./keys.ts";

/** What Auth's administration answers: a status and a JSON body. */
export type AdminAnswer = {
  status: number;
  body: unknown;
};

export type AdminCall = {
  method: string;
  /** After `/auth/v1/admin`: `/users` or `/users/{id}`. */
  path: string;
  apikey: string | undefined;
  authorization: string | undefined;
  body: unknown;
};

export type AdminOptions = {
  minimum_password_length: number;
  /** bcrypt's cost of a new password. */
  password_cost: number;
  keys: Pick<Keys, "secret" | "service_role" | "jwt_secret">;
};

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/**
 * The administration calls of Supabase Auth that the API uses, on the
 * tables of Auth: create, read, update and delete a user. Errors are
 * `{code, error_code, msg}` as Supabase Auth writes them.
 */
export async function answerAdminCall(
  sql: postgres.Sql,
  call: AdminCall,
  options: AdminOptions,
): Promise<AdminAnswer> {
  try {
    await assertAdmin(call, options.keys);
    const body = call.body;
    if (body !== undefined && (typeof body !== "object" || body === null || Array.isArray(body))) {
      throw new Refusal(400, "bad_json", "Could not parse request body as JSON");
    }
    return { status: 200, body: await dispatch(sql, call, (body ?? {}) as UserInput, options) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, error_code, message, more } = error;
    return { status, body: { code: status, error_code, msg: message, ...more } };
  }
}

async function dispatch(
  sql: postgres.Sql,
  { method, path }: AdminCall,
  input: UserInput,
  options: AdminOptions,
) {
  const id = /^\/users\/([^/]+)$/.exec(path)?.[1];
  if (method === "POST" && path === "/users") return createUser(sql, input, options);
  if (id !== undefined && ["GET", "PUT", "DELETE"].includes(method)) {
    if (!uuidPattern.test(id)) throw new Refusal(404, "validation_failed", "user_id must be an UUID");
    // supabase-js reads a user before it deletes one.
    if (method === "GET") return readUser(sql, id);
    return method === "PUT" ? updateUser(sql, id, input, options) : deleteUser(sql, id);
  }
  throw new Refusal(404, "not_found", "The embedded stack does not offer this administration call");
}

async function assertAdmin({ apikey, authorization }: AdminCall, keys: AdminOptions["keys"]): Promise<void> {
  const is_secret = (key: string | undefined) => key === keys.secret || key === keys.service_role;
  const bearer = /^Bearer\s+(\S+)$/i.exec(authorization ?? "")?.[1];
  if (bearer === undefined || bearer.startsWith("sb_")) {
    if (is_secret(apikey) && (bearer === undefined || bearer === apikey)) return;
    throw new Refusal(401, "no_authorization", "This endpoint requires a valid Bearer token");
  }
  if (is_secret(bearer)) return;
  const claims = await jwtVerify(bearer, new TextEncoder().encode(keys.jwt_secret), {
    algorithms: ["HS256"],
  }).catch(() => {
    throw new Refusal(403, "bad_jwt", "invalid JWT: unable to parse or verify signature");
  });
  if (claims.payload.role !== "service_role") throw new Refusal(403, "not_admin", "User not allowed");
}

async function createUser(sql: postgres.Sql, input: UserInput, options: AdminOptions) {
  if (input.email === undefined || input.email === "") {
    throw new Refusal(400, "validation_failed", "Cannot create a user without either an email or phone");
  }
  const email = emailOf(input.email);
  const id = input.id === undefined || input.id === "" ? randomUUID() : input.id.toLowerCase();
  if (!uuidPattern.test(id))
    throw new Refusal(400, "validation_failed", "ID must conform to the uuid v4 format");
  // Without a password, nobody can sign in with one, as at Supabase Auth.
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
  const email = input.email === undefined || input.email === "" ? null : emailOf(input.email);
  const password = input.password === undefined || input.password === "" ? null : input.password;
  if (password !== null) assertPassword(password, options.minimum_password_length);
  const ban = banOf(input.ban_duration);
  if (email !== null) await refuseKnownAddress(sql, email, id);
  await sql
    .begin(async (tx) => {
      const found = await tx`
        update auth.users set
          email = coalesce(${email}, email),
          email_confirmed_at = case when ${input.email_confirm === true} then coalesce(email_confirmed_at, now()) else email_confirmed_at end,
          encrypted_password = case when ${password}::text is null then encrypted_password
            else extensions.crypt(${password}, extensions.gen_salt('bf', ${options.password_cost})) end,
          recovery_token = case when ${password}::text is null then recovery_token end,
          raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || ${tx.json((input.user_metadata ?? {}) as never)}::jsonb,
          raw_app_meta_data = coalesce(raw_app_meta_data, '{}') || ${tx.json((input.app_metadata ?? {}) as never)}::jsonb,
          banned_until = case ${ban.change} when 'set' then now() + make_interval(secs => ${ban.seconds}) when 'clear' then null else banned_until end,
          updated_at = now()
        where id = ${id} returning id`;
      if (found.length === 0) throw new Refusal(404, "user_not_found", "User not found");
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
  if (deleted === undefined) throw new Refusal(404, "user_not_found", "User not found");
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
  if (user === undefined) throw new Refusal(404, "user_not_found", "User not found");
  return Object.fromEntries(Object.entries(user).filter(([, value]) => value !== null));
}

async function refuseKnownAddress(sql: postgres.Sql, email: string, own = ""): Promise<void> {
  const [known] = await sql`select id from auth.users where email = ${email} and id::text <> ${own} limit 1`;
  if (known !== undefined)
    throw new Refusal(422, "email_exists", "A user with this email address has already been registered");
}

/** After a lost race for an address, or with an existing id, Supabase Auth answers with a failure without a reason. */
function failDuplicate(error: unknown): never {
  if ((error as { code?: string }).code !== "23505") throw error;
  throw new Refusal(500, "unexpected_failure", "Database error creating new user");
}
