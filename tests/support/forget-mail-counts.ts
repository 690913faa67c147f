import type postgres from "postgres";

/** Deletes the counts of sent mails, so that the account may request another mail at once. */
export async function forgetMailCounts(
  sql: postgres.Sql,
  kind: "verification" | "password_reset" | "email_change" | "project_offered",
  subject: string,
) {
  await sql`
    delete from private.auth_attempts where bucket in (
      private.bucket_name('mail-minute:' || ${kind}::text, ${subject}),
      private.bucket_name('mail-hour:' || ${kind}::text, ${subject}),
      private.bucket_name('mail-address', '127.0.0.1'))`;
}
