import { expect, test } from "vitest";
import type { Mail } from "../../supabase/functions/api/clients/mailer.ts";
import type { Deps } from "../../supabase/functions/api/context.ts";
import { deliverMail, waitSeconds } from "../../supabase/functions/api/mail/deliver-mail.ts";
import { codeDigest, digestOf, type MailSecret } from "../../supabase/functions/api/mail/mail-secret.ts";
import type { OutboxRow } from "../../supabase/functions/api/mail/store.ts";

const row = (more: Partial<OutboxRow> = {}) =>
  ({
    id: "row",
    kind: "verification",
    details: {},
    attempts: 1,
    created_at: new Date().toISOString(),
    recipient: {
      user_id: "user",
      email: "ada@example.com",
      full_name: null,
      is_verified: false,
    },
    project: {
      id: "project",
      name: "Postcards",
      site_url: null,
      verify_url: null,
      reset_url: null,
      mail: { sender_name: null, logo_url: null, accent_color: null, language: "en", footer: null },
    },
    ...more,
  }) as OutboxRow;

/** The outside, written down. */
function outside(
  rows: OutboxRow[],
  settings: { fails?: boolean; isPointless?: boolean; configured?: boolean } = {},
) {
  const calls: [string, ...unknown[]][] = [];
  const mails: Mail[] = [];
  const logs: string[] = [];
  const tried: MailSecret[] = [];
  let claimed = false;
  const deps = {
    env: { public_url: "https://api.example.com", secret_key: "key" },
    database: {
      write: async (name: string, args: unknown[]) => {
        if (name !== "claim_mail") {
          calls.push([name, ...args]);
          return name === "add_mail_token" ? !settings.isPointless : null;
        }
        const due = claimed ? [] : rows;
        claimed = true;
        return due;
      },
    },
    mailer: {
      configured: settings.configured ?? true,
      send: async (mail: Mail) => {
        const [, token = "none"] = /#token=(\w+)/.exec(mail.text) ?? [];
        tried.push({ token, code: /^\d{4} \d{4}$/m.exec(mail.text)?.[0] ?? "none" });
        if (settings.fails) throw new Error("the mail service answered 500");
        mails.push(mail);
      },
    },
    log: (level: string, message: string, fields: unknown) =>
      logs.push(`${level} ${message} ${JSON.stringify(fields)}`),
  } as unknown as Deps;
  return { deps, calls, mails, logs, tried };
}

test("a mail is written with a token that is made now, sent, and taken out of the outbox", async () => {
  const { deps, calls, mails } = outside([row()]);
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 0 });
  expect(mails[0]).toMatchObject({ id: "row-1", to: "ada@example.com", from_name: "Postcards" });
  const [, token = ""] =
    /verify-email#token=([0-9a-f]{64})&project=project&lang=en$/m.exec(mails[0]?.text ?? "") ?? [];
  const [, code = ""] = /^(\d{4} \d{4})$/m.exec(mails[0]?.text ?? "") ?? [];
  expect(calls).toEqual([
    ["add_mail_token", "row", digestOf(token), codeDigest("key", "user", code.replace(" ", ""))],
    ["finish_mail", "row"],
  ]);
});

test.each([
  ["for nobody", row({ recipient: null }), {}, [["finish_mail", "row"]]],
  [
    "whose address is verified by now",
    row({ recipient: { user_id: "u", email: "a@b.c", full_name: null, is_verified: true } }),
    {},
    [["finish_mail", "row"]],
  ],
  [
    "whose account was closed meanwhile",
    row(),
    { isPointless: true },
    [
      ["add_mail_token", "row", expect.any(String), expect.any(String)],
      ["finish_mail", "row"],
    ],
  ],
])("a mail %s is dropped without being sent", async (_name, dropped, settings, expected) => {
  const { deps, calls, mails } = outside([dropped], settings);
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 0 });
  expect([mails, calls]).toEqual([[], expected]);
});

test("a mail that fails is tried again later and later, and its token is nowhere else", async () => {
  const { deps, calls, logs, tried } = outside([row({ attempts: 3 })], { fails: true });
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 1 });
  expect(calls.at(-1)).toEqual(["retry_mail", "row", 240, "the mail service answered 500"]);
  expect(logs).toHaveLength(1);
  const kept = JSON.stringify(calls) + logs;
  expect(kept).not.toContain("ada@example");
  for (const { token, code } of tried) for (const secret of [token, code]) expect(kept).not.toContain(secret);
  expect([1, 2, 3, 6, 7, 50].map(waitSeconds)).toEqual([60, 120, 240, 1920, 3600, 3600]);
});

test("a mail that has failed for a day is given up, aloud", async () => {
  const old = row({ created_at: new Date(Date.now() - 25 * 3_600_000).toISOString(), attempts: 30 });
  const { deps, calls, logs } = outside([old], { fails: true });
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 1 });
  expect(calls.at(-1)).toEqual(["finish_mail", "row"]);
  expect(logs[0]).toMatch(/^error a mail was given up/);
});

test("one that fails does not keep the others", async () => {
  const { deps, mails } = outside([row({ id: "one" }), row({ id: "two", kind: "password_changed" })]);
  const send = deps.mailer.send;
  deps.mailer.send = (mail) => (mail.id.startsWith("one") ? Promise.reject(new Error("no")) : send(mail));
  expect(await deliverMail(deps)).toEqual({ checked: 2, failed: 1 });
  expect(mails.map((mail) => mail.id)).toEqual(["two-1"]);
});

test("without a mail service nothing is claimed, so nothing is lost", async () => {
  const { deps, calls } = outside([row()], { configured: false });
  expect(await deliverMail(deps)).toEqual({ checked: 0, failed: 0 });
  expect(calls).toEqual([]);
});
