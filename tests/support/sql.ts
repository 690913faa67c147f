import postgres from "postgres";
import { inject } from "vitest";

const { database_url, admin_database_url } = inject("stack");
if (database_url === undefined)
  throw new Error("These suites need the target's database: CLOUD_API_DATABASE_URL.");

/** Connects as `postgres`, the owner of the schema and the role of the functions. */
export const owner = postgres(database_url, { max: 40, idle_timeout: 5, onnotice: () => {} });

/** Connects as the superuser of an embedded stack, elsewhere as the owner. */
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

/** Runs the work in a transaction that is always rolled back. @returns the result of the work */
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
export async function setRole(tx: Tx, role: DatabaseRole, claims: Claims | undefined): Promise<void> {
  await tx`select set_config('role', ${role}, true),
    set_config('request.jwt.claims', ${claims === undefined ? "" : JSON.stringify(claims)}, true)`;
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as Claims;
}

/** The SQLSTATE and message of the work's error, or undefined when it succeeds. */
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

/** The code that a function raises, or `null` when it returns. Other errors are thrown. */
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
