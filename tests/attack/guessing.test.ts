import { Agent, get } from "node:http";
import { afterAll, expect, inject, test } from "vitest";
import { createKey } from "../../supabase/functions/api/key.ts";
import { api, type Headed, registerDeveloper, registerEndUser } from "../support/api.ts";
import { operations } from "../support/contract/document.ts";
import { fuzzTarget } from "../support/fuzz/target.ts";
import { photo } from "../support/generation.ts";
import { entryPoints, errorCode, open, requestOf, sendRaw } from "../support/raw-http.ts";
import { admin } from "../support/sql.ts";

const { base, headers: address = {} } = fuzzTarget(inject("stack"));

const [[, gateway] = ["", 0]] = entryPoints;

type Try = { ms: number; code: string };

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
afterAll(() => agent.destroy());

function tryOnce(headers: Headed): Promise<Try> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const request = get(
      `${base}/api/v1/auth/me`,
      { agent, headers: { ...address, ...headers } },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (text) => {
          body += text;
        });
        answer.on("end", () => resolve({ ms: performance.now() - start, code: JSON.parse(body).code }));
      },
    );
    request.on("error", reject);
  });
}

/** Sends requests with these headers, 16 at once. @returns the time and code of each. */
async function attempt(count: number, headers: () => Headed): Promise<Try[]> {
  const tries: Try[] = [];
  let left = count;
  const work = async () => {
    while (left-- > 0) tries.push(await tryOnce(headers()));
  };
  await Promise.all(Array.from({ length: 16 }, work));
  return tries;
}

const median = (tries: Try[]) => tries.map(({ ms }) => ms).sort((a, b) => a - b)[tries.length >> 1] ?? 0;
const mistyped = () => `${createKey("ak").key.slice(0, -1)}-`;

test.concurrent("10,000 guessed API keys are all refused alike and equally fast, while the right key works", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const guess = (key: () => string) => () => ({ ...user.headers, "X-API-Key": key() });
  const right = async () => (await api("/auth/me", { headers: user.headers })).status;

  const first = await attempt(
    500,
    guess(() => createKey("ak").key),
  );
  const [rest, during] = await Promise.all([attempt(9_000, guess(mistyped)), right()]);
  const last = await attempt(
    500,
    guess(() => createKey("ak").key),
  );

  expect(new Set([...first, ...rest, ...last].map(({ code }) => code))).toEqual(new Set(["api_key_invalid"]));
  expect([during, await right()]).toEqual([200, 200]);
  // A busy machine adds less than a factor of ten, and a scan of earlier attempts would add more.
  expect(median(last)).toBeLessThan(10 * median(first) + 20);
});

test.concurrent("a body that stops arriving gets 408 and does not delay other requests", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const head = (type: string) => [
    ...Object.entries(user.headers).map((pair) => pair.join(": ")),
    `Content-Type: ${type}`,
    // All uploads together may hold this much.
    "Content-Length: 25000000",
  ];
  const form = "multipart/form-data; boundary=x";
  const begun = '--x\r\nContent-Disposition: form-data; name="instructions"\r\n\r\nA';
  const request = requestOf("/api/v1/generation/generate-v2", head(form), "POST", begun);
  const trickling = sendRaw(gateway, request, { first_ms: 55_000 });
  const idle = await Promise.all(Array.from({ length: 100 }, () => open(gateway)));
  for (const socket of idle) socket.write("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-");

  const start = performance.now();
  expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
  expect(performance.now() - start).toBeLessThan(8_000);
  const [answer] = await trickling;
  expect([answer?.status, answer && errorCode(answer)]).toEqual([408, "body_timeout"]);
  for (const socket of idle) socket.destroy();

  const body = new FormData();
  body.append("instructions", "A lighthouse");
  body.append("files", photo());
  const upload = await api("/generation/generate-v2", { method: "POST", headers: user.headers, body });
  expect(upload.status).toBe(200);
}, 120_000);

test.concurrent("every operation with a body answers 408 if the body stops arriving", async () => {
  const { project } = await registerDeveloper();
  const { headers: own } = await registerEndUser(project);
  const headers = { ...address, ...own, "Content-Type": "application/json" };
  const readers = operations.filter(({ responses }) => responses[408] !== undefined);
  expect(readers.length).toBeGreaterThan(20);
  const end = new AbortController();
  const answers = await Promise.all(
    readers.map(async ({ id, method, path }) => {
      const body = new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("{")) });
      const target = path.replace(/\{\w+\}/g, crypto.randomUUID());
      const query = id === "webhooks.replicate" ? `?generation_id=${crypto.randomUUID()}` : "";
      const init = { method, headers, body, duplex: "half", signal: end.signal };
      const response = await fetch(`${base}${target}${query}`, init as RequestInit);
      return [id, response.status, ((await response.json()) as { code: string }).code];
    }),
  );
  end.abort();
  expect(answers).toEqual(readers.map(({ id }) => [id, 408, "body_timeout"]));
}, 120_000);

test("the time of a refusal does not reveal whether a key was ever issued", async () => {
  const { project } = await registerDeveloper();
  const issued = Array.from({ length: 300 }, () => createKey("ak"));
  const rows = issued.map(({ stored: { key_prefix, key_hash } }) => ({
    project_id: project.id,
    key_prefix,
    key_hash: Buffer.from(key_hash, "hex"),
    revoked_at: new Date(),
  }));
  await admin.begin(async (tx) => {
    // Without the triggers, which send a mail for each key.
    await tx`set local session_replication_role = replica`;
    await tx`insert into public.api_keys ${tx(rows)}`;
  });
  const headersWith = (key = "") => ({ ...project.headers, "X-API-Key": key });
  const [known, unknown]: Try[][] = [[], []];
  // The rounds alternate, so that both kinds meet the same load. A refusal is remembered, so each key is tried once.
  for (let round = 0; round < 15; round++) {
    known?.push(...(await attempt(20, () => headersWith(issued.pop()?.key))));
    unknown?.push(...(await attempt(20, () => headersWith(createKey("ak").key))));
  }
  const codes = (tries: Try[] = []) => new Set(tries.map(({ code }) => code));
  expect([codes(known), codes(unknown)]).toEqual([
    new Set(["api_key_revoked"]),
    new Set(["api_key_invalid"]),
  ]);
  const [one, other] = [median(known ?? []), median(unknown ?? [])];
  expect(Math.max(one, other) / Math.min(one, other)).toBeLessThan(3);
});
