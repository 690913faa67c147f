import { randomUUID } from "node:crypto";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";
import { ask, type Target } from "./target.ts";

const maxExpirySeconds = 1_800;

/** Supabase Auth has the settings of supabase/config.toml: no sign-up, strong passwords, short tokens. */
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
  if (secret_key === undefined) return findings;
  return [...findings, ...(await tryAccount(target, secret_key)), await tryAddresses(target, secret_key)];
};

/** Tests the rules with a user of Auth without an account, who can do nothing and is deleted right after. */
async function tryAccount({ kind, supabase_url }: Target, secretKey: string): Promise<Finding[]> {
  const push = fixes.auth[kind];
  const id = randomUUID();
  const email = `${id}@doctor.users.invalid`;
  const headers = {
    apikey: secretKey,
    Authorization: `Bearer ${secretKey}`,
    "Content-Type": "application/json",
  };
  const send = (method: string, path: string, body: object) =>
    ask(`${supabase_url}/auth/v1${path}`, { method, headers, body: JSON.stringify(body) });
  const findings: Finding[] = [];
  try {
    const password = `Aa1-${randomUUID()}`;
    const made = await send("POST", "/admin/users", { id, email, password, email_confirm: true });
    if (made.status >= 300)
      return [fail("passwords", `a strong one: ${made.reason}`, "look at the secret key and at Auth")];
    // Auth checks the strength of a password when it changes, but not when a user is created.
    const weak = await send("PUT", `/admin/users/${id}`, { password: "weakweak" });
    findings.push(
      weak.status === 422
        ? ok("passwords", "a weak one is refused")
        : fail("passwords", `a weak one: ${weak.reason}, it should be refused`, push),
    );
    const signedIn = await send("POST", "/token?grant_type=password", {
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

/** One more than Auth lets one address do at once. */
const burst = 31;

/** Tokens that do not exist, each for its own address. If Auth counts them together, they exceed its limit. */
async function tryAddresses({ kind, supabase_url }: Target, secretKey: string): Promise<Finding> {
  const url = `${supabase_url}/auth/v1/token?grant_type=refresh_token`;
  const statuses: number[] = [];
  for (let at = 0; at < burst && statuses.at(-1) !== 429; at++) {
    const headers = {
      apikey: secretKey,
      Authorization: `Bearer ${secretKey}`,
      "Content-Type": "application/json",
      "Sb-Forwarded-For": `fd00::${(at + 1).toString(16)}`,
    };
    const body = JSON.stringify({ refresh_token: "doctor" });
    statuses.push((await ask(url, { method: "POST", headers, body })).status);
  }
  return statuses.includes(429)
    ? fail("sign-ins", "counted together at Auth: thirty at once for all users", fixes.addresses[kind])
    : ok("sign-ins", "counted by account at Auth");
}
