import postgres from "postgres";
import { inject } from "vitest";

const { admin_database_url, database_url } = inject("stack");

/** The target's database, to move clocks and to look at what no endpoint shows. */
export function openDatabase(): postgres.Sql {
  const url = admin_database_url ?? database_url;
  if (url === undefined) throw new Error("These tests need the target's database: CLOUD_API_DATABASE_URL.");
  return postgres(url, { max: 2, onnotice: () => {} });
}

/** Lets the account's next mail go out now, as if its minute were over. */
export async function forgetMail(
  sql: postgres.Sql,
  kind: "verification" | "password_reset",
  subject: string,
) {
  await sql`
    delete from public.auth_attempts where bucket in (
      private.bucket_name('mail-minute:' || ${kind}, ${subject}),
      private.bucket_name('mail-hour:' || ${kind}, ${subject}),
      private.bucket_name('mail-address', '127.0.0.1'))`;
}
