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

/** Dependencies that record each call. */
function recordingDeps(
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

test("a delivery makes a new token, sends the mail with it, and removes the mail from the outbox", async () => {
  const { deps, calls, mails } = recordingDeps([row()]);
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
  ["without a recipient", row({ recipient: null }), {}, [["finish_mail", "row"]]],
  [
    "to an address that has been verified meanwhile",
    row({ recipient: { user_id: "u", email: "a@b.c", full_name: null, is_verified: true } }),
    {},
    [["finish_mail", "row"]],
  ],
  [
    "to an account that has been closed meanwhile",
    row(),
    { isPointless: true },
    [
      ["add_mail_token", "row", expect.any(String), expect.any(String)],
      ["finish_mail", "row"],
    ],
  ],
])("a mail %s is deleted, not sent", async (_name, dropped, settings, expected) => {
  const { deps, calls, mails } = recordingDeps([dropped], settings);
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 0 });
  expect([mails, calls]).toEqual([[], expected]);
});

test("a failed mail is retried after growing delays, and its secrets are neither stored nor logged", async () => {
  const { deps, calls, logs, tried } = recordingDeps([row({ attempts: 3 })], { fails: true });
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 1 });
  expect(calls.at(-1)).toEqual(["retry_mail", "row", 240, "the mail service answered 500"]);
  expect(logs).toHaveLength(1);
  const kept = JSON.stringify(calls) + logs;
  expect(kept).not.toContain("ada@example");
  for (const { token, code } of tried) for (const secret of [token, code]) expect(kept).not.toContain(secret);
  expect([1, 2, 3, 6, 7, 50].map(waitSeconds)).toEqual([60, 120, 240, 1920, 3600, 3600]);
});

test("a mail that has failed for a day is deleted, and an error is logged", async () => {
  const old = row({ created_at: new Date(Date.now() - 25 * 3_600_000).toISOString(), attempts: 30 });
  const { deps, calls, logs } = recordingDeps([old], { fails: true });
  expect(await deliverMail(deps)).toEqual({ checked: 1, failed: 1 });
  expect(calls.at(-1)).toEqual(["finish_mail", "row"]);
  expect(logs[0]).toMatch(/^error a mail was given up/);
});

test("a mail that fails does not stop the other mails", async () => {
  const { deps, mails } = recordingDeps([row({ id: "one" }), row({ id: "two", kind: "password_changed" })]);
  const send = deps.mailer.send;
  deps.mailer.send = (mail) => (mail.id.startsWith("one") ? Promise.reject(new Error("no")) : send(mail));
  expect(await deliverMail(deps)).toEqual({ checked: 2, failed: 1 });
  expect(mails.map((mail) => mail.id)).toEqual(["two-1"]);
});

test("without a mail service every mail stays in the outbox", async () => {
  const { deps, calls } = recordingDeps([row()], { configured: false });
  expect(await deliverMail(deps)).toEqual({ checked: 0, failed: 0 });
  expect(calls).toEqual([]);
});
