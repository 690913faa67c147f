import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestStack, type TestStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

let stack: TestStack;
let sql: postgres.Sql;

beforeAll(async () => {
  stack = await startTestStack();
  sql = postgres(stack.admin_database_url, { max: 2, onnotice: () => {} });
});
afterAll(async () => {
  await sql.end();
  await stack.stop();
});

const post = (path: string, headers: Record<string, string>, body?: unknown) =>
  fetch(`${stack.urls.api}${path}`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

const reconcile = async () => {
  const response = await post("/internal/reconcile", { Authorization: `Bearer ${stack.keys.cron_secret}` });
  return ((await response.json()) as { jobs: { mail: { checked: number; failed: number } } }).jobs.mail;
};

test("a mail server that hangs delays no registration, and the reconciler sends the mail when it answers again", async () => {
  const inbox = stack.processes.find(({ name }) => name === "The mail inbox")?.pid ?? 0;
  const email = "late@example.com";
  process.kill(inbox, "SIGSTOP");
  try {
    const start = performance.now();
    const { developer_key, project_id } = stack.credentials;
    const registered = await post(
      "/auth/register",
      { "X-Developer-Key": developer_key, "X-Project-ID": project_id },
      { email, password: "Correct-horse-9" },
    );
    expect(registered.status).toBe(201);
    // The timeout of a mail server is ten seconds.
    expect(performance.now() - start).toBeLessThan(5_000);
    const row = await until("the failed attempt is stored", async () => {
      const [found] = await sql`
        select m.attempts, m.last_error, m.next_attempt_at > now() as waits
        from private.mail_outbox m join public.users u on u.id = m.user_id where u.email = ${email}`;
      return found?.last_error ? found : undefined;
    });
    expect(row).toMatchObject({ attempts: 1, waits: true });
    expect(row.last_error).toContain("the mail server refused");
    expect(row.last_error).not.toContain(email);
  } finally {
    process.kill(inbox, "SIGCONT");
  }
  await sql`update private.mail_outbox set next_attempt_at = now() where last_error is not null`;
  // Mail to the demo accounts may have waited too.
  const { checked, failed } = await reconcile();
  expect(checked).toBeGreaterThanOrEqual(1);
  expect(failed).toBe(0);
  const mails = (await (await fetch(`${stack.urls.inbox}/api/email`)).json()) as {
    to: { address: string }[];
  }[];
  expect(mails.filter((mail) => mail.to[0]?.address === email)).toHaveLength(1);
  const left = await sql`
    select from private.mail_outbox m join public.users u on u.id = m.user_id where u.email = ${email}`;
  expect(left).toHaveLength(0);
});
