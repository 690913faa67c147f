import postgres from "postgres";
import { inject } from "vitest";

const { database_url, admin_database_url } = inject("stack");
if (database_url === undefined)
  throw new Error("These suites need the target's database: CLOUD_API_DATABASE_URL.");

/** As `postgres`, the owner of the schema and the role that the functions connect as. */
export const owner = postgres(database_url, { max: 40, idle_timeout: 5, onnotice: () => {} });

/** As the superuser of an embedded stack; elsewhere the owner, who can do less. */
export const admin = postgres(admin_database_url ?? database_url, {
  max: 2,
  idle_timeout: 5,
  onnotice: () => {},
});

// The test files of a process share both, so none of them may end them; they end with the process.
for (const sql of [owner, admin]) sql.end = async () => {};

export type Tx = postgres.TransactionSql;
export type DatabaseRole = "anon" | "authenticated" | "service_role";
export type Claims = Record<string, unknown>;

/** Runs the work in a transaction that always ends in a rollback, and returns its result. */
export async function rolledBack<T>(work: (tx: Tx) => Promise<T>, sql = owner): Promise<T> {
  const rollback = new Error("rollback");
  let result: { value: T } | undefined;
  await sql
    .begin(async (tx) => {
      result = { value: await work(tx) };
      throw rollback;
    })
    .catch((error: unknown) => {
      if (error !== rollback) throw error;
    });
  return (result as unknown as { value: T }).value;
}

/** Continues the transaction as PostgREST would for a token with these claims. */
export async function become(tx: Tx, role: DatabaseRole, claims: Claims | undefined): Promise<void> {
  await tx`select set_config('role', ${role}, true),
    set_config('request.jwt.claims', ${claims === undefined ? "" : JSON.stringify(claims)}, true)`;
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Claims;
}

/** The SQLSTATE and message that the work fails with, or undefined. */
export async function failureOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string } | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    return { code, message };
  }
}

/** The code that a function of ours raises, `null` when it returns. Any other failure is thrown. */
export async function refusalOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    if (code !== "P0001") throw error;
    return message;
  }
}
