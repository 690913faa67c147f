import postgres from "postgres";
import { afterAll, expect, inject, test } from "vitest";

const sql = postgres(inject("stack").admin_database_url ?? "", { max: 2, onnotice: () => {} });
afterAll(() => sql.end({ timeout: 2 }));

class RolledBack extends Error {}
/** Runs `work` with imitations of pg_net and the vault of hosted Supabase, then rolls back. */
async function hosted(work: (sql: postgres.TransactionSql) => Promise<void>): Promise<void> {
  const run = sql.begin(async (transaction) => {
    await transaction.unsafe(`
      create schema vault; create schema net;
      create table vault.decrypted_secrets (name text, decrypted_secret text);
      create table net.sent (url text, headers jsonb);
      create function net.http_post(url text, body jsonb, params jsonb default '{}', headers jsonb default '{}',
        timeout_milliseconds integer default 1000) returns bigint language plpgsql as $$
      begin
        insert into net.sent values (url, headers);
        return 7;
      end $$;`);
    await transaction.unsafe("grant usage on schema vault, net to postgres");
    await transaction.unsafe("grant all on vault.decrypted_secrets, net.sent to postgres");
    await work(transaction);
    throw new RolledBack();
  });
  await expect(run).rejects.toBeInstanceOf(RolledBack);
}

test("without pg_net and the vault the scheduled call does nothing and does not fail", async () => {
  expect(await sql`select private.call_reconciler() as request`).toMatchObject([{ request: null }]);
});

test("the scheduled call sends no request before both URL and secret are in the vault", () =>
  hosted(async (transaction) => {
    await transaction`insert into vault.decrypted_secrets values ('reconcile_url', 'https://api.test/reconcile')`;
    expect(await transaction`select private.call_reconciler() as request`).toMatchObject([{ request: null }]);
    expect(await transaction`select 1 from net.sent`).toHaveLength(0);
  }));

test("the scheduled call sends the secret of the vault to the URL of the vault", () =>
  hosted(async (transaction) => {
    await transaction`insert into vault.decrypted_secrets values
      ('reconcile_url', 'https://api.test/reconcile'), ('cron_secret', 'a-secret-of-the-vault')`;
    expect(await transaction`select private.call_reconciler() as request`).toMatchObject([{ request: "7" }]);
    expect(await transaction`select url, headers ->> 'Authorization' as sent from net.sent`).toMatchObject([
      { url: "https://api.test/reconcile", sent: "Bearer a-secret-of-the-vault" },
    ]);
  }));

test.each(["anon", "authenticated", "service_role"])("%s cannot execute the scheduled call", async (role) => {
  const run = sql.begin(async (transaction) => {
    await transaction.unsafe(`set local role ${role}`);
    await transaction`select private.call_reconciler()`;
  });
  await expect(run).rejects.toMatchObject({ code: "42501" });
});
