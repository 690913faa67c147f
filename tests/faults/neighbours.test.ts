import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { createHandler } from "../../supabase/functions/api/handler.ts";
import {
  api,
  type EndUser,
  freshEmail,
  type Project,
  password,
  registerDeveloper,
  registerEndUser,
  login as signIn,
} from "../support/api.ts";
import { tokenSettings } from "../support/auth-tokens.ts";
import { type Fault, FaultyProxy } from "../support/faulty-proxy.ts";
import { freshPrompt, GenerationStack } from "../support/generation.ts";
import { mailTo, tokenOf } from "../support/mail.ts";
import { admin } from "../support/sql.ts";

const { urls, keys, database_url = "" } = inject("stack");
const stack = new GenerationStack(inject("stack"));

let project: Project;
let user: EndUser;
let picture: string;
beforeAll(async () => {
  // The log of the faults that the tests cause is not printed.
  for (const level of ["info", "warn", "error"] as const)
    vi.spyOn(console, level).mockImplementation(() => {});
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
  picture = (await stack.makeGeneration(freshPrompt(), user.headers)).id;
  await stack.waitForEnd(picture, user.headers);
});
afterAll(async () => {
  await stack.close();
});

/** The API with the real services of the stack. A proxy that a test can break stands before one of them. */
async function apiBehind(name: "Postgres" | "Auth and Storage", url = database_url) {
  const address = new URL(name === "Postgres" ? url : urls.gateway);
  const proxy = await FaultyProxy.start(Number(address.port));
  address.port = String(proxy.port);
  const vars = {
    SUPABASE_URL: urls.gateway,
    PUBLIC_URL: urls.gateway,
    SUPABASE_SERVICE_ROLE_KEY: keys.secret,
    ...tokenSettings(keys),
    ...(name === "Postgres"
      ? { DATABASE_URL: String(address) }
      : { DATABASE_URL: database_url, SUPABASE_URL: address.origin }),
  };
  const handler = createHandler(vars, () => {});
  const send = async ([path, init]: Call) => {
    const start = performance.now();
    const response = await handler(new Request(`${urls.api}${path}`, { headers: user.headers, ...init }));
    const body = response.headers.get("content-type")?.includes("json") ? await response.json() : null;
    return { status: response.status, code: body?.code as string | undefined, ms: performance.now() - start };
  };
  return { proxy, send };
}

type Call = [path: string, init?: RequestInit];
type MakeCall = (email: string) => Call;
/** Attempts are limited by account, so each test has its own. */
const freshAccount = async () => (await registerEndUser(project)).email;
const me: MakeCall = () => ["/auth/me"];
const image: MakeCall = () => [`/generation/${picture}/image`];
const login: MakeCall = (email) => [
  "/auth/login",
  {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Project-ID": user.headers["X-Project-ID"] ?? "" },
    body: JSON.stringify({ email, password }),
  },
];
const withinMs = 10_000;

const title = "when %s %s, requests are 503 within ten seconds, and they succeed again as soon as it answers";

async function recovers(
  name: string,
  fault: Fault,
  ask: MakeCall,
  good: number,
  code: string,
): Promise<void> {
  const call = ask(await freshAccount());
  const { proxy, send } = await apiBehind(name === "Postgres" ? name : "Auth and Storage");
  try {
    expect(await send(call)).toMatchObject({ status: good });
    await proxy.set(fault);
    const answers = await Promise.all([send(call), send(call), send(call)]);
    for (const { status, code: said, ms } of answers) {
      expect([status, said]).toEqual([503, code]);
      expect(ms).toBeLessThan(withinMs);
    }
    await proxy.set("none");
    const again = await send(call);
    expect(again).toMatchObject({ status: good });
    expect(again.ms).toBeLessThan(5_000);
  } finally {
    await proxy.stop();
  }
}

test.each<[string, Fault, MakeCall, number, string]>([
  ["Postgres", "refuses", me, 200, "database_unavailable"],
  ["Postgres", "halves", me, 200, "database_unavailable"],
  ["Auth", "refuses", login, 200, "auth_unavailable"],
  ["Auth", "halves", login, 200, "auth_unavailable"],
  ["Storage", "refuses", image, 302, "storage_unavailable"],
  ["Storage", "halves", image, 302, "storage_unavailable"],
])(title, recovers);

test.each<["Postgres" | "Auth and Storage", MakeCall, number]>([
  ["Postgres", me, 200],
  ["Auth and Storage", login, 200],
  ["Auth and Storage", image, 302],
])("requests succeed when %s is slow", async (name, ask, good) => {
  const call = ask(await freshAccount());
  const { proxy, send } = await apiBehind(name);
  try {
    await proxy.set("slows");
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(call)));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(good));
  } finally {
    await proxy.stop();
  }
});

// The tests from here on wait, so they run concurrently. All tests at the same time would open fifty connections at once.
test.concurrent.each<[string, Fault, MakeCall, number, string]>([
  ["Postgres", "hangs", me, 200, "database_unavailable"],
  ["Auth", "hangs", login, 200, "auth_unavailable"],
  ["Storage", "hangs", image, 302, "storage_unavailable"],
])(title, recovers);

test.concurrent("a password check that Auth does not answer costs no attempt", async () => {
  const person = await registerEndUser(project);
  const { proxy, send } = await apiBehind("Auth and Storage");
  const postCall = (path: string, body: object): Call => [
    path,
    {
      method: "POST",
      headers: { ...person.headers, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    },
  ];
  const calls = [
    login(person.email),
    postCall("/auth/change-password", { current_password: password, new_password: "Another-horse-11" }),
  ];
  try {
    await proxy.set("refuses");
    for (const call of calls) {
      // Ten wrong passwords are allowed.
      for (let attempt = 0; attempt < 11; attempt++)
        expect(await send(call)).toMatchObject({ status: 503, code: "auth_unavailable" });
    }
    await proxy.set("none");
    for (const call of calls) expect(await send(call)).toMatchObject({ status: 200 });
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await send(login(person.email))).toMatchObject({ status: 401 });
    expect(await send(login(person.email)), "wrong passwords count").toMatchObject({ status: 429 });
  } finally {
    await proxy.stop();
  }
});

test.concurrent("a mail's token stays valid while Auth refuses or hangs, and works once afterwards", async () => {
  const developer = await registerDeveloper();
  const address = freshEmail("moved");
  await api("/auth/request-password-reset", { json: { email: developer.email } });
  const resetToken = tokenOf(await mailTo(developer.email, "Set a new password"));
  const post = (path: string, body: object): Call => [
    path,
    { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
  ];
  const reset = post("/auth/reset-password", { token: resetToken, password: "Another-horse-11" });
  const { proxy, send } = await apiBehind("Auth and Storage");
  const fails = async (call: Call) => {
    for (const fault of ["refuses", "hangs"] as const) {
      await proxy.set(fault);
      expect(await send(call)).toMatchObject({ status: 503, code: "auth_unavailable" });
    }
    await proxy.set("none");
  };
  try {
    await fails(reset);
    expect(await send(reset)).toMatchObject({ status: 200 });
    expect(await send(reset)).toMatchObject({ status: 400, code: "reset_token_used" });

    const { headers } = await signIn(developer.email, {}, "Another-horse-11");
    await api("/auth/change-email", { headers, json: { password: "Another-horse-11", new_email: address } });
    const confirm = post("/auth/verify-email", {
      token: tokenOf(await mailTo(address, "Confirm your new address")),
    });
    await fails(confirm);
    expect((await api("/auth/me", { headers })).body.email).toBe(developer.email);
    expect(await send(confirm)).toMatchObject({ status: 200 });
    expect((await api("/auth/me", { headers })).body.email).toBe(address);
    expect((await signIn(address, {}, "Another-horse-11")).token).toBeTruthy();
  } finally {
    await proxy.stop();
  }
});

test.concurrent("a password reset whose answer was lost uses up its token and sets the password", async () => {
  const developer = await registerDeveloper();
  await api("/auth/request-password-reset", { json: { email: developer.email } });
  const token = tokenOf(await mailTo(developer.email, "Set a new password"));
  const { proxy, send } = await apiBehind("Auth and Storage");
  const reset: Call = [
    "/auth/reset-password",
    {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, password: "Another-horse-11" }),
    },
  ];
  try {
    await proxy.set("halves");
    expect(await send(reset)).toMatchObject({ status: 503, code: "auth_unavailable" });
    await proxy.set("none");
    expect(await send(reset)).toMatchObject({ status: 400, code: "reset_token_used" });
    expect((await signIn(developer.email, {}, "Another-horse-11")).token).toBeTruthy();
    expect((await api("/auth/me", { headers: developer.headers })).status).toBe(401);
  } finally {
    await proxy.stop();
  }
});

test.concurrent("requests are 503 while PostgreSQL has no free connection, and succeed when it has one", async () => {
  const role = `limited_${randomUUID().slice(0, 8)}`;
  await admin.unsafe(`create role ${role} login password 'limited' connection limit 0 in role postgres`);
  const address = new URL(database_url);
  [address.username, address.password] = [role, "limited"];
  const { proxy, send } = await apiBehind("Postgres", String(address));
  try {
    expect(await send(me(""))).toMatchObject({ status: 503, code: "database_unavailable" });
    await admin.unsafe(`alter role ${role} connection limit 5`);
    expect(await send(me(""))).toMatchObject({ status: 200 });
  } finally {
    await proxy.stop();
    await admin.unsafe(`drop role ${role}`);
  }
});
