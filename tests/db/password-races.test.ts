import { randomBytes, randomUUID } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { admin, owner, type Tx } from "../support/sql.ts";
import { until } from "../support/until.ts";
import { credentialsOf } from "../support/world.ts";

let user: Awaited<ReturnType<typeof registerEndUser>>;
let credentials: ReturnType<typeof owner.json>;
const ip = "192.0.2.17";

beforeEach(async () => {
  const { project } = await registerDeveloper();
  const { id: project_id, developer_key, api_key } = project;
  user = await registerEndUser(project);
  credentials = owner.json(credentialsOf({ token: user.token, project_id, developer_key, api_key }));
});

async function addSession(): Promise<string> {
  const id = randomUUID();
  await admin`insert into auth.sessions (id, user_id, created_at, not_after)
    values (${id}, ${user.id}, now(), now() + interval '1 hour')`;
  return id;
}

const permitPassword = (digest: Buffer | null = null) => owner`
  insert into private.password_permits (user_id, expires_at, token_digest)
  values (${user.id}, now() + interval '1 minute', ${digest})`;

const setPassword = (sql: Tx) =>
  sql`update auth.users set encrypted_password = ${randomUUID()} where id = ${user.id}`;

type Started = { pid: number; result: Promise<unknown> };

/** Runs the statement in a transaction of its own. Resolves once the statement waits for that backend, or has ended. */
async function startStatement(run: (sql: Tx) => Promise<unknown>, blocker: number): Promise<Started> {
  let hasEnded = false;
  const started = Promise.withResolvers<number>();
  const result = owner.begin(async (sql) => {
    started.resolve(await pidOf(sql));
    return run(sql);
  });
  void result
    .catch(() => {})
    .finally(() => {
      hasEnded = true;
    });
  const pid = await started.promise;
  await until("the statement waits or has ended", async () => {
    const [row] = await admin`select ${blocker} = any (pg_blocking_pids(${pid})) as waits`;
    return hasEnded || row?.waits === true;
  });
  return { pid, result };
}

async function pidOf(sql: Tx): Promise<number> {
  const [row] = await sql`select pg_backend_pid() as pid`;
  return row?.pid;
}

test("a password check during another change of the password waits for it without a deadlock, and is refused", async () => {
  const proof = await addSession();
  await permitPassword();
  await admin`insert into private.mail_tokens (digest, user_id, purpose, email, expires_at)
    values (${randomBytes(32)}, ${user.id}, 'password_reset', ${user.email}, now() + interval '1 hour')`;
  // The change stops at the locked token, when it has used its permit and has not yet ended the sessions.
  const { change, check } = await admin.begin(async (sql) => {
    await sql`select from private.mail_tokens where user_id = ${user.id} for update`;
    const change = await startStatement(setPassword, await pidOf(sql));
    const check = await startStatement(
      (own) => own`select private.finish_password_check(${credentials}, ${proof}, ${ip}, true)`,
      change.pid,
    );
    return { change, check };
  });
  await expect(change.result).resolves.toBeDefined();
  await expect(check.result).rejects.toMatchObject({ code: "P0001", message: "wrong_password" });
});

test("a sign-in during a reset of the password ends without a deadlock", async () => {
  const held = await addSession();
  const opened = await addSession();
  const digest = randomBytes(32);
  await permitPassword(digest);
  const [bucket] = await admin`select private.bucket_name('sign-in-account',
    project_id::text || ':' || email_fold) as name from public.users where id = ${user.id}`;
  await admin`insert into private.auth_attempts (bucket, level, drained_at) values (${bucket?.name}, 1, now())
    on conflict (bucket) do nothing`;
  const device = owner.json({ user_agent: "test", ip, signed_in: true });
  const { reset, signIn } = await admin.begin(async (sql) => {
    await sql`select from auth.sessions where id = ${held} for update`;
    const reset = await startStatement(setPassword, await pidOf(sql));
    const signIn = await startStatement(
      (own) => own`select private.open_session(${user.id}, ${opened}, ${device})`,
      reset.pid,
    );
    return { reset, signIn };
  });
  await expect(reset.result).resolves.toBeDefined();
  await expect(signIn.result).resolves.toBeDefined();
});
