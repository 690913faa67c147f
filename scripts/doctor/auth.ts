import { randomUUID } from "node:crypto";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";
import { ask, type Target } from "./target.ts";

const maxExpirySeconds = 1_800;

/** Supabase Auth is set up as supabase/config.toml has it: nobody signs up there, passwords are strong, tokens are short. */
export const checkAuth: Check = async (target) => {
  const { kind, supabase_url, publishable_key, secret_key } = target;
  const push = fixes.auth[kind];
  const apikey = publishable_key ?? secret_key;
  if (apikey === undefined)
    return [warn("auth settings", "not looked at", "set CLOUD_API_SECRET_KEY to the project's secret key")];
  const { status, body, reason } = await ask(`${supabase_url}/auth/v1/settings`, { headers: { apikey } });
  if (status !== 200) return [fail("auth settings", reason, "look at the keys and at Auth")];
  const findings: Finding[] = [
    body.disable_signup === true
      ? ok("sign-up", "off at Auth itself")
      : fail("sign-up", "anybody may sign up at Auth itself, past every project", push),
  ];
  if (body.external?.anonymous_users === true)
    findings.push(fail("sign-up", "anonymous sign-ins are on", push));
  if (body.external?.email !== true) findings.push(fail("sign-up", "sign-in by password is off", push));
  return secret_key === undefined ? findings : [...findings, ...(await tryAccount(target, secret_key))];
};

/** Rules are best seen at work: a user of Auth without an account, who can do nothing and is gone a moment later. */
async function tryAccount({ kind, supabase_url }: Target, secret_key: string): Promise<Finding[]> {
  const push = fixes.auth[kind];
  const id = randomUUID();
  const email = `${id}@doctor.users.invalid`;
  const headers = {
    apikey: secret_key,
    Authorization: `Bearer ${secret_key}`,
    "Content-Type": "application/json",
  };
  const post = (path: string, body: object) =>
    ask(`${supabase_url}/auth/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const findings: Finding[] = [];
  try {
    const weak = await post("/admin/users", { id, email, password: "weakweak", email_confirm: true });
    findings.push(
      weak.status === 422
        ? ok("passwords", "a weak one is refused")
        : fail("passwords", `a weak one: ${weak.reason}, it should be refused`, push),
    );
    const password = `Aa1-${randomUUID()}`;
    const strong = await post("/admin/users", { id, email, password, email_confirm: true });
    if (weak.status === 422 && strong.status >= 300)
      return [
        ...findings,
        fail("passwords", `a strong one: ${strong.reason}`, "look at the secret key and at Auth"),
      ];
    const signedIn = await post("/token?grant_type=password", {
      email,
      password: weak.status === 422 ? password : "weakweak",
    });
    const seconds = Number(signedIn.body.expires_in);
    if (!(seconds > 0)) findings.push(fail("tokens", `sign-in: ${signedIn.reason}`, "look at Auth"));
    else
      findings.push(
        seconds <= maxExpirySeconds
          ? ok("tokens", `end after ${Math.round(seconds / 60)} minutes`)
          : fail("tokens", `live ${Math.round(seconds / 60)} minutes instead of 30`, push),
      );
  } finally {
    await ask(`${supabase_url}/auth/v1/admin/users/${id}`, { method: "DELETE", headers });
  }
  return findings;
}
