import { describe, expect, test } from "vitest";
import { api, errorOf, freshEmail, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase } from "../support/management.ts";
import { createApi, serve } from "../support/served-api.ts";

const sql = openDatabase();

const tryLogin = (project: string, email: string, secret: string) =>
  api("/auth/login", { headers: { "X-Project-ID": project }, json: { email, password: secret } });

async function forgetSignIns(project: string, email: string) {
  const account = `${project}:${email}`;
  await sql`
    delete from private.auth_attempts where bucket in (private.bucket_name('sign-in', ${`${account}:127.0.0.1`}),
      private.bucket_name('sign-in-account', ${account}))`;
}

test.each([
  ["a known email", true],
  ["an unknown email", false],
])("after ten wrong passwords for %s further attempts get 429 with Retry-After", async (_name, known) => {
  const { project } = await registerDeveloper();
  const email = known ? (await registerEndUser(project)).email : freshEmail("nobody");
  const start = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) => tryLogin(project.id, email, `Wrong-horse-${index}`)),
  );
  const tookSeconds = Math.ceil((performance.now() - start) / 1000);
  const wrong = answers.filter((answer) => answer.status === 401);
  const limited = answers.filter((answer) => answer.status === 429);
  expect(wrong).toHaveLength(10);
  expect(limited).toHaveLength(30);
  for (const answer of limited) {
    expect(errorOf(answer).code).toBe("attempts_exceeded");
    const wait = Number(answer.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(0);
    // The wait for one more attempt, plus the time that the request itself waited for the others.
    expect(wait).toBeLessThanOrEqual(30 + tookSeconds);
    expect(answer.body.retry_after).toBe(wait);
  }
});

test("wrong passwords for one account do not block another account from the same IP address", async () => {
  const { project } = await registerDeveloper();
  const [attacked, colleague] = [await registerEndUser(project), await registerEndUser(project)];
  for (let turn = 0; turn < 12; turn++) await tryLogin(project.id, attacked.email, "Wrong-horse-9");
  expect((await tryLogin(project.id, attacked.email, password)).status).toBe(429);
  expect((await tryLogin(project.id, colleague.email, password)).status).toBe(200);
});

test("logins with the right password are never limited", async () => {
  const { project } = await registerDeveloper();
  const { email } = await registerEndUser(project);
  const statuses = new Set<number>();
  for (let turn = 0; turn < 30; turn++) statuses.add((await tryLogin(project.id, email, password)).status);
  expect([...statuses]).toEqual([200]);
});

test("a login with the right password resets the count of wrong ones", async () => {
  const { project } = await registerDeveloper();
  const { email } = await registerEndUser(project);
  for (let round = 0; round < 3; round++) {
    for (let turn = 0; turn < 6; turn++) {
      expect((await tryLogin(project.id, email, "Wrong-horse-9")).status).toBe(401);
    }
    expect((await tryLogin(project.id, email, password)).status).toBe(200);
  }
});

test.each([
  ["changing the password", "POST", "/auth/change-password"],
  ["deleting the account", "DELETE", "/auth/me"],
])("%s with a wrong current password gets 429 after ten attempts", async (_, method, path) => {
  const { project } = await registerDeveloper();
  const { headers } = await registerEndUser(project);
  const wrong = "Wrong-horse-9";
  const json = { password: wrong, current_password: wrong, new_password: "Another-horse-8" };
  const statuses = [];
  for (let turn = 0; turn < 11; turn++) statuses.push((await api(path, { method, headers, json })).status);
  expect(statuses).toEqual([...Array(10).fill(403), 429]);
});

test("one IP address can request 100 mails at once and no more", async () => {
  const served = await serve(createApi({}));
  const ask = () =>
    api(`${served.url}/api/v1/auth/request-password-reset`, {
      // The API counts the last hop, and no other test uses this address.
      headers: { "X-Forwarded-For": "198.51.100.77" },
      json: { email: freshEmail("nobody") },
    });
  const answers = await Promise.all(Array.from({ length: 120 }, ask));
  await served.stop();
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(100);
  expect(statuses.filter((status) => status === 429)).toHaveLength(20);
});

describe("buckets of attempts", () => {
  const fill = async (bucket: string, capacity = 3, seconds = 60) =>
    (await sql`select private.fill_bucket(${bucket}, ${capacity}, ${seconds}) as wait`)[0]?.wait as number;

  test("a bucket of attempts accepts its capacity, then gives the wait for the next attempt, and drains with time", async () => {
    const bucket = `test:${crypto.randomUUID()}`;
    expect([await fill(bucket), await fill(bucket), await fill(bucket)]).toEqual([0, 0, 0]);
    const wait = await fill(bucket);
    expect(wait).toBeGreaterThan(50);
    expect(wait).toBeLessThanOrEqual(60);
    await sql`update private.auth_attempts set drained_at = drained_at - interval '61 seconds' where bucket = ${bucket}`;
    expect(await fill(bucket)).toBe(0);
    expect(await fill(bucket)).toBeGreaterThan(0);
    await sql`update private.auth_attempts set drained_at = drained_at - interval '1 hour' where bucket = ${bucket}`;
    expect([await fill(bucket), await fill(bucket), await fill(bucket)]).toEqual([0, 0, 0]);
  });

  test("the table of attempts stores neither IP addresses nor accounts in plain text", async () => {
    const { project } = await registerDeveloper();
    const { email } = await registerEndUser(project);
    await tryLogin(project.id, email, "Wrong-horse-9");
    const rows = await sql`select bucket from private.auth_attempts`;
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.bucket).toMatch(/^(test:|[a-z:_-]+:[0-9a-f]{64}$)/);
  });

  test("an IP address may fail 300 times over all accounts, then once in two seconds; IPv6 counts by /64", async () => {
    const ips = ["203.0.113.7", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"];
    const rollback = new Error("rollback");
    const seen: unknown[] = [];
    await sql
      .begin(async (tx) => {
        const fails = async (count: number, ip: string) =>
          tx.savepoint(
            (point) => point`select private.count_sign_in(null, 'n' || n || ${ip} || '@example.com', ${ip})
              from generate_series(1, ${count}) n`,
          );
        const outcome = (work: Promise<unknown>) =>
          work.then(
            () => "ok",
            (error: { message: string; detail: string }) =>
              `${error.message} ${JSON.parse(error.detail).retry_after_seconds}`,
          );
        seen.push(await outcome(fails(300, ips[0] ?? "")), await outcome(fails(1, ips[0] ?? "")));
        seen.push(await outcome(fails(300, ips[1] ?? "")), await outcome(fails(1, ips[2] ?? "")));
        seen.push(await outcome(fails(1, ips[3] ?? "")));
        throw rollback;
      })
      .catch((error: unknown) => {
        if (error !== rollback) throw error;
      });
    expect(seen).toEqual(["ok", "attempts_exceeded 2", "ok", "attempts_exceeded 2", "ok"]);
  });
});

describe("timing of known and unknown emails", () => {
  const median = (times: number[]) => times.sort((one, two) => one - two)[Math.floor(times.length / 2)] ?? 0;

  async function measure(known: () => Promise<unknown>, unknown: () => Promise<unknown>) {
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let turn = 0; turn < 40; turn++) {
      // The order alternates, so that other load on the machine falls on both alike.
      const pair = [
        ["known", known],
        ["unknown", unknown],
      ] as const;
      for (const [kind, work] of turn % 2 === 0 ? pair : [...pair].reverse()) {
        const start = performance.now();
        await work();
        times[kind].push(performance.now() - start);
      }
    }
    return [median(times.known), median(times.unknown)] as const;
  }

  /** Repeats the measurement, since only a difference in the code shows in each round. */
  async function compare(name: string, known: () => Promise<unknown>, unknown: () => Promise<unknown>) {
    const seen: string[] = [];
    for (let round = 0; round < 3; round++) {
      const [one, two] = await measure(known, unknown);
      seen.push(`${name}: known ${one.toFixed(1)} ms, unknown ${two.toFixed(1)} ms (median of 40)`);
      if (Math.abs(one - two) < Math.max(8, 0.4 * Math.max(one, two))) return console.log(seen.join("; "));
    }
    expect(seen).toEqual([]);
  }

  test("a failed login takes the same time for known and unknown emails", async () => {
    const { project } = await registerDeveloper();
    // Auth allows a burst of 30 sign-ins per account, so several accounts share the 120 attempts.
    const users = await Promise.all(Array.from({ length: 8 }, () => registerEndUser(project)));
    let next = 0;
    await tryLogin(project.id, freshEmail("nobody"), "Wrong-horse-9");
    await compare(
      "login",
      async () => {
        const email = users[next++ % users.length]?.email ?? "";
        expect((await tryLogin(project.id, email, "Wrong-horse-9")).status).toBe(401);
        await forgetSignIns(project.id, email);
      },
      async () => {
        const nobody = freshEmail("nobody");
        expect((await tryLogin(project.id, nobody, "Wrong-horse-9")).status).toBe(401);
        await forgetSignIns(project.id, nobody);
      },
    );
    const [costs] = await sql`
      select count(distinct left(encrypted_password, 7))::int as kinds from auth.users
      where id = (select id from public.users where email = ${users[0]?.email ?? ""}) or email = private.decoy_email()`;
    expect(costs?.kinds).toBe(1);
  });

  test("a request for a password reset takes the same time for known and unknown emails", async () => {
    const { project } = await registerDeveloper();
    const users = await Promise.all(Array.from({ length: 40 }, () => registerEndUser(project)));
    let next = 0;
    const headers = { "X-Project-ID": project.id };
    await sql`delete from private.auth_attempts where bucket = private.bucket_name('mail-address', '127.0.0.1')`;
    const ask = async (email: string) => {
      expect((await api("/auth/request-password-reset", { headers, json: { email } })).status).toBe(200);
    };
    await compare(
      "request-password-reset",
      () => ask(users[next++ % users.length]?.email ?? ""),
      () => ask(freshEmail("nobody")),
    );
    await sql`delete from private.auth_attempts where bucket = private.bucket_name('mail-address', '127.0.0.1')`;
  });
});
