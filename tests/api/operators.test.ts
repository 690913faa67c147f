import { execFile } from "node:child_process";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { api, errorOf, freshEmail, login, password, registerDeveloper } from "../support/api.ts";
import { mailTo, tokenOf } from "../support/mail.ts";

const { database_url = "" } = inject("stack");

/** `npm run operator -- …` on the target's database. */
function operator(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return operatorWith({}, ...args);
}

function operatorWith(
  vars: Record<string, string>,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, DATABASE_URL: database_url, ...vars };
    execFile(
      process.execPath,
      [join(repositoryRoot, "scripts/operator.ts"), ...args],
      { env },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

const keyIn = (out: string) => /^ok_[\w-]{32}$/m.exec(out)?.[0] ?? "";
const developerWith = (key: string) =>
  api("/auth/register", { headers: { "X-Operator-Key": key }, json: { email: freshEmail(), password } });

test("npm run operator create makes an operator key that registers developers and reads every project", async () => {
  const { project } = await registerDeveloper();
  const { code, out } = await operator("create", freshEmail("operator"), "--name", "Ada Lovelace");
  expect(code).toBe(0);
  const headers = { "X-Operator-Key": keyIn(out) };
  expect((await developerWith(keyIn(out))).status).toBe(201);
  expect((await api(`/projects/${project.id}`, { headers })).status).toBe(200);
  const browser = await api("/projects", { headers: { ...headers, Origin: "https://example.com" } });
  expect(errorOf(browser)).toMatchObject({ status: 403, code: "key_not_for_browsers" });
});

test("npm run operator adds keys, revokes one by its prefix and lists them without the secret", async () => {
  const email = freshEmail("operator");
  const first = keyIn((await operator("create", email)).out);
  const second = keyIn((await operator("key", email.toUpperCase(), "--label", "CI", "--days", "90")).out);
  expect((await developerWith(second)).status).toBe(201);
  const { code, out } = await operator("revoke", first.slice(0, 8));
  expect([code, out.trim()]).toEqual([0, `The key ${first.slice(0, 8)}… is revoked.`]);
  expect(errorOf(await developerWith(first))).toMatchObject({ status: 403, code: "operator_key_revoked" });
  const { out: list } = await operator("list");
  expect(list).toMatch(
    new RegExp(`${email}\\n  ${first.slice(0, 8)}…  revoked .*\\n  ${second.slice(0, 8)}…  active .*CI`),
  );
  for (const key of [first, second]) expect(list).not.toContain(key);
});

test("npm run operator refuses a DATABASE_URL whose password is not escaped, and does not show it", async () => {
  const vars = { DATABASE_URL: "postgresql://postgres:hidden#word@127.0.0.1:5432/postgres" };
  const { code, err } = await operatorWith(vars, "list");
  expect([code, err]).toEqual([1, expect.stringContaining("DATABASE_URL must be postgresql://")]);
  expect(err).not.toContain("hidden");
});

test("an operator sets a password by mail and logs in without a project", async () => {
  const email = freshEmail("operator");
  await operator("create", email);
  await api("/auth/request-password-reset", { json: { email } });
  const token = tokenOf(await mailTo(email, "Set a new password"));
  expect((await api("/auth/reset-password", { json: { token, password } })).status).toBe(200);
  const { headers } = await login(email);
  expect((await api("/auth/me", { headers })).body).toMatchObject({
    role: "platform_operator",
    is_verified: true,
  });
});

test("npm run operator developer makes a developer and prints a working .env", async () => {
  const { credentials, urls } = inject("stack");
  const vars = { CLOUD_API_OPERATOR_KEY: credentials.operator_key ?? "", DATABASE_URL: "" };
  const email = freshEmail("developer");
  const made = await operatorWith(vars, "developer", email, "--url", `${urls.gateway}/`, "--name", "Bob");
  expect([made.code, made.err]).toEqual([0, expect.stringContaining(`${email} is a developer`)]);
  const env = Object.fromEntries(
    made.out
      .trim()
      .split("\n")
      .map((line) => line.split("=")),
  );
  expect(env.NEXT_PUBLIC_API_URL).toBe(urls.gateway);
  const app = {
    "X-Developer-Key": env.DEVKIT4AI_DEVELOPER_KEY,
    "X-Project-ID": env.DEVKIT4AI_PROJECT_ID,
    "X-API-Key": env.DEVKIT4AI_PROJECT_KEY,
  };
  const user = await api("/auth/register", { headers: app, json: { email: freshEmail(), password } });
  expect(user.status).toBe(201);

  const again = await operatorWith(vars, "developer", email, "--url", urls.gateway);
  expect([again.code, again.out]).toEqual([1, ""]);
  expect(again.err).toContain("409");
  const nobody = await operatorWith(
    { ...vars, CLOUD_API_OPERATOR_KEY: "" },
    "developer",
    email,
    "--url",
    urls.gateway,
  );
  expect(nobody.err).toContain("CLOUD_API_OPERATOR_KEY");
  const nowhere = await operatorWith(vars, "developer", email, "--url", "http://127.0.0.1:9");
  expect(nowhere.err).toMatch(/^http:\/\/127\.0\.0\.1:9: no answer: .*\n$/);
});

test.each([
  ["a taken email", ["create", "operator@cloud-api.test"], "is taken by another account"],
  ["an invalid email", ["create", "nobody"], "is not an email address"],
  ["a key for an unknown operator", ["key", "nobody@example.com"], "There is no operator"],
  ["an unknown key", ["revoke", "ok_none0"], "There is no operator key"],
  ["an invalid expiry", ["key", "operator@cloud-api.test", "--days", "x"], "--days x is not usable"],
  ["an unknown command", ["dance", "now"], "There is no command dance"],
  ["an unknown option", ["list", "--loud"], "See `npm run operator -- --help`"],
])("npm run operator with %s prints one sentence and exits with 1", async (_name, args, sentence) => {
  const { code, out, err } = await operator(...args);
  expect([code, out]).toEqual([1, ""]);
  expect(err).toContain(sentence);
  expect(err).not.toMatch(/\n\s+at /);
});
