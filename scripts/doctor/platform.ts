import { randomUUID } from "node:crypto";
import { type Check, type Finding, fail, ok, warn } from "./finding.ts";
import { type Answer, ask, type Kind, type Target } from "./target.ts";

const maxExpirySeconds = 1_800;
const noKey = "set CLOUD_API_SECRET_KEY to the project's secret key";

/** The command that gives Auth the settings of supabase/config.toml. */
const push: Record<Kind, string> = {
  embedded: "stop npm start, and start it again",
  local: "npx supabase stop, then npx supabase start, which reads supabase/config.toml",
  hosted: "npx supabase config push",
};
const forward: Record<Kind, string> = {
  embedded: push.embedded,
  local:
    "set GOTRUE_SECURITY_SB_FORWARDED_FOR_ENABLED=true for Auth, and use a key that begins with sb_secret_",
  hosted:
    "npm run deploy with SUPABASE_ACCESS_TOKEN set, and a secret key that begins with sb_secret_ (docs/going-live.md)",
};

type Send = (method: string, path: string, body?: object, headers?: object) => Promise<Answer>;

/** Requests to the platform with the secret key. */
const withKey =
  ({ supabase_url }: Target, key: string): Send =>
  (method, path, body, headers = {}) =>
    ask(`${supabase_url}${path}`, {
      method,
      headers: {
        apikey: key,
        Authorization: `Bearer ${key}`,
        "Content-Type": "application/json",
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });

/** Checks that Supabase Auth has the settings of supabase/config.toml: no sign-up, strong passwords, short tokens. */
export const checkAuth: Check = async (target) => {
  const { kind, supabase_url, publishable_key, secret_key } = target;
  const fix = push[kind];
  const apikey = publishable_key ?? secret_key;
  if (apikey === undefined) return [warn("auth settings", "not looked at", noKey)];
  const { status, body, reason } = await ask(`${supabase_url}/auth/v1/settings`, { headers: { apikey } });
  if (status !== 200) return [fail("auth settings", reason, "look at the keys and at Auth")];
  const findings: Finding[] = [
    body.disable_signup === true
      ? ok("sign-up", "off at Auth itself")
      : fail("sign-up", "anybody can sign up at Auth itself, without a project", fix),
  ];
  if (body.external?.anonymous_users === true)
    findings.push(fail("sign-up", "anonymous sign-ins are on", fix));
  if (body.external?.email !== true) findings.push(fail("sign-up", "sign-in by password is off", fix));
  if (secret_key === undefined) return findings;
  const send = withKey(target, secret_key);
  return [...findings, ...(await tryAccount(send, fix)), await tryAddresses(send, forward[kind])];
};

/** Tests the rules with a user of Auth without an account, who may do nothing and is deleted afterwards. */
async function tryAccount(send: Send, fix: string): Promise<Finding[]> {
  const id = randomUUID();
  const email = `${id}@doctor.users.invalid`;
  const password = `Aa1-${randomUUID()}`;
  const user = `/auth/v1/admin/users/${id}`;
  try {
    const made = await send("POST", "/auth/v1/admin/users", { id, email, password, email_confirm: true });
    if (made.status >= 300)
      return [fail("passwords", `a strong one: ${made.reason}`, "look at the secret key and at Auth")];
    // Auth checks the strength of a password when it changes, but not when a user is created.
    const weak = await send("PUT", user, { password: "weakweak" });
    const isRefused = weak.status === 422;
    const credentials = { email, password: isRefused ? password : "weakweak" };
    const signedIn = await send("POST", "/auth/v1/token?grant_type=password", credentials);
    const seconds = Number(signedIn.body.expires_in);
    const minutes = Math.round(seconds / 60);
    return [
      isRefused
        ? ok("passwords", "a weak one is refused")
        : fail("passwords", `a weak one: ${weak.reason}, it should be refused`, fix),
      !(seconds > 0)
        ? fail("tokens", `sign-in: ${signedIn.reason}`, "look at Auth")
        : seconds <= maxExpirySeconds
          ? ok("tokens", `end after ${minutes} minutes`)
          : fail("tokens", `live ${minutes} minutes instead of 30`, fix),
    ];
  } finally {
    await send("DELETE", user);
  }
}

/** One more than the burst that Auth allows to one address. */
const burst = 31;

/** Sends tokens that do not exist, each for its own address. If Auth counts them together, they exceed its limit. */
async function tryAddresses(send: Send, fix: string): Promise<Finding> {
  for (let at = 1; at <= burst; at++) {
    const from = { "Sb-Forwarded-For": `fd00::${at.toString(16)}` };
    const path = "/auth/v1/token?grant_type=refresh_token";
    const { status } = await send("POST", path, { refresh_token: "doctor" }, from);
    if (status === 429)
      return fail("sign-ins", "counted together at Auth: thirty at once for all users", fix);
  }
  return ok("sign-ins", "counted by account at Auth");
}

type Bucket = { id: string; public: boolean; file_size_limit?: number | null };

/** Checks the buckets. Only the API may serve pictures, and a public bucket would serve them to anybody. */
export const checkBuckets: Check = async (target) => {
  const { secret_key } = target;
  if (secret_key === undefined) return [warn("buckets", "not looked at", noKey)];
  const { status, body, reason } = await withKey(target, secret_key)("GET", "/storage/v1/bucket");
  if (status !== 200 || !Array.isArray(body))
    return [fail("buckets", `Storage: ${reason}`, "look at CLOUD_API_SECRET_KEY and at Storage")];
  const findings = ["uploads", "generations"].flatMap((name) => {
    const bucket = (body as Bucket[]).find(({ id }) => id === name);
    if (bucket === undefined) return `${name} is missing`;
    if (bucket.public) return `${name} is public: anybody who guesses a path can read its pictures`;
    // Storage omits it if it is not set.
    return bucket.file_size_limit === null ? `${name} takes files of any size` : [];
  });
  // This creates the private buckets with their limits, once Storage has its tables.
  const fix = "in SQL: select private.ensure_buckets()";
  return findings.length === 0
    ? [ok("buckets", "both are there and private")]
    : findings.map((says) => fail("buckets", says, fix));
};
