import { randomBytes, randomUUID } from "node:crypto";
import type postgres from "postgres";
import { parseEmailAddress } from "../../supabase/functions/api/email-address.ts";
import { createKey } from "../../supabase/functions/api/key.ts";
import { Problem } from "../local/problem.ts";

export type Operator = {
  id: string;
  email: string;
  full_name: string | null;
  is_active: boolean;
  keys: { id: string; name: string | null; key_prefix: string; state: string }[];
};

/** Creates an operator's account. It has no usable password until a reset mail sets one. */
export async function createOperator(
  sql: postgres.Sql,
  email: string,
  fullName: string | null,
): Promise<void> {
  const address = parseEmailAddress(email);
  if (address === null) throw new Problem(`${email} is not an email address.`);
  const id = randomUUID();
  try {
    await sql.begin(async (tx) => {
      const [{ auth_email = "" } = {}] = await tx<{ auth_email: string }[]>`
        select private.auth_email(jsonb_populate_record(null::public.users, jsonb_build_object(
          'id', ${id}::text, 'role', 'operator', 'email_fold', private.fold_email(${address})))) as auth_email`;
      await insertAuthUser(tx, id, auth_email);
      await tx`
        insert into public.users (id, role, email, full_name, email_verified_at)
        values (${id}, 'operator', ${address}, ${fullName}, now())`;
    });
  } catch (error) {
    if ((error as { code?: string }).code !== "23505") throw error;
    throw new Problem(
      `${address} is taken by another account. Give an address that no developer or operator uses.`,
    );
  }
}

/** The row that Supabase Auth would write. Its columns differ between versions, so only those that exist are set. */
async function insertAuthUser(tx: postgres.TransactionSql, id: string, email: string): Promise<void> {
  const columns = await tx<{ column_name: string }[]>`
    select column_name from information_schema.columns
    where table_schema = 'auth' and table_name = 'users' and is_generated = 'NEVER'`;
  const known = new Set(columns.map((column) => column.column_name));
  const [{ hash = "" } = {}] = await tx<{ hash: string }[]>`
    select extensions.crypt(${randomBytes(32).toString("base64url")}, extensions.gen_salt('bf', 10)) as hash`;
  const now = new Date();
  const row: Record<string, unknown> = {
    instance_id: "00000000-0000-0000-0000-000000000000",
    id,
    aud: "authenticated",
    role: "authenticated",
    email,
    encrypted_password: hash,
    email_confirmed_at: now,
    raw_app_meta_data: tx.json({ provider: "email", providers: ["email"] }),
    raw_user_meta_data: tx.json({ email_verified: true }),
    created_at: now,
    updated_at: now,
    // Auth cannot read a null in these columns.
    confirmation_token: "",
    recovery_token: "",
    email_change: "",
    email_change_token_new: "",
    email_change_token_current: "",
    phone_change: "",
    phone_change_token: "",
    reauthentication_token: "",
  };
  const fields = Object.fromEntries(Object.entries(row).filter(([name]) => known.has(name)));
  await tx`insert into auth.users ${tx(fields as Record<string, string>)}`;
  await tx`
    insert into auth.identities (id, provider, provider_id, user_id, identity_data, created_at, updated_at)
    values (${randomUUID()}, 'email', ${id}, ${id}, ${tx.json({ sub: id, email, email_verified: true })}, ${now}, ${now})`;
}

export async function listOperators(sql: postgres.Sql): Promise<Operator[]> {
  return sql<Operator[]>`
    select u.id, u.email, u.full_name, u.deactivated_at is null as is_active,
      coalesce((select jsonb_agg(jsonb_build_object('id', k.id, 'name', k.name, 'key_prefix', k.key_prefix,
        'state', private.key_state(k.revoked_at, null, k.expires_at)) order by k.created_at)
        from public.operator_keys k where k.user_id = u.id), '[]') as keys
    from public.users u where u.role = 'operator' order by u.created_at`;
}

/** Creates a key of an operator, stores its hash, and returns the whole key. */
export async function createOperatorKey(
  sql: postgres.Sql,
  email: string,
  name: string | null,
  expiresAt: Date | null,
): Promise<string> {
  const { key, stored } = createKey("ok");
  const inserted = await sql`
    insert into public.operator_keys (user_id, name, key_prefix, key_hash, expires_at)
    select id, ${name}, ${stored.key_prefix}, decode(${stored.key_hash}, 'hex'), ${expiresAt}
    from public.users where role = 'operator' and email_fold = private.fold_email(${parseEmailAddress(email) ?? email})
    returning id`;
  if (inserted.length === 0)
    throw new Problem(`There is no operator ${email}. Make one with \`create ${email}\`.`);
  return key;
}

/** Revokes the active key with this id or prefix. */
export async function revokeOperatorKey(sql: postgres.Sql, which: string): Promise<string> {
  const found = await sql<{ id: string; key_prefix: string; revoked_at: Date | null }[]>`
    select id, key_prefix, revoked_at from public.operator_keys where id::text = ${which} or key_prefix = ${which}`;
  const active = found.filter((key) => key.revoked_at === null);
  const [key] = active;
  if (found.length === 0) throw new Problem(`There is no operator key ${which}. See \`list\`.`);
  if (key === undefined) throw new Problem(`The operator key ${which} is revoked already.`);
  if (active.length > 1)
    throw new Problem(`Several keys begin with ${which}: give the id that \`list\` shows.`);
  await sql`update public.operator_keys set revoked_at = now() where id = ${key.id}`;
  return key.key_prefix;
}
