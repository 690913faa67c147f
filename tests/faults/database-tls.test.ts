import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { api } from "../support/api.ts";
import { makeCertificates } from "../support/certificate.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { startTlsProxy } from "../support/tls-postgres.ts";
import { until } from "../support/until.ts";

const target = inject("stack");
const certificates = makeCertificates();
const unencrypted = "the connection to the database is not encrypted";

let postgres: Awaited<ReturnType<typeof startTlsProxy>>;
let instance: FunctionProcess | undefined;
beforeAll(async () => {
  postgres = await startTlsProxy(Number(new URL(target.database_url ?? "").port), certificates);
});
afterEach(async () => {
  await instance?.end();
  Object.assign(postgres.seen, { encrypted: 0, plain: 0 });
});
afterAll(() => postgres?.stop());

/** Starts the function behind the TLS proxy. */
async function start(deno: "local" | "hosted", env: Record<string, string>, query = "") {
  const database = new URL(target.database_url ?? "");
  database.port = String(postgres.port);
  database.search = query;
  instance = await startFunction(target, deno, { SUPABASE_DB_URL: database.href, ...env });
}

async function databaseHealth(): Promise<string> {
  const { body } = await api(`${instance?.base}/api/v1/health/database`);
  return body.status;
}

/** On a busy machine the first connection can take longer than the route's timeout of a second. */
const becomesHealthy = () =>
  until("the database is healthy", databaseHealth, (status) => status === "healthy");

test.each(["local", "hosted"] as const)(
  "on the %s Deno, DATABASE_CA_CERT makes every database connection encrypted",
  async (deno) => {
    await start(deno, { DATABASE_CA_CERT: certificates.ca });
    await becomesHealthy();
    expect(postgres.seen.encrypted).toBeGreaterThan(0);
    expect(postgres.seen.plain).toBe(0);
  },
);

test.each(["local", "hosted"] as const)(
  "on the %s Deno, a database certificate of another authority is refused, and nothing is sent unencrypted",
  async (deno) => {
    const { ca } = makeCertificates();
    await start(deno, { DATABASE_CA_CERT: ca });
    expect(await databaseHealth()).toBe("unhealthy");
    expect(postgres.seen.plain).toBe(0);
  },
);

test("without DATABASE_CA_CERT, the local Deno encrypts and accepts any certificate", async () => {
  await start("local", {});
  await becomesHealthy();
  expect(postgres.seen.plain).toBe(0);
});

test("without DATABASE_CA_CERT, the hosted Deno connects without TLS and warns once", async () => {
  await start("hosted", {});
  await becomesHealthy();
  expect(postgres.seen.plain).toBeGreaterThan(0);
  await Promise.all(
    Array.from({ length: 5 }, () =>
      api(`${instance?.base}/api/v1/auth/me`, { headers: { "X-API-Key": "none" } }),
    ),
  );
  expect(instance?.lines.filter((line) => line.includes(unencrypted))).toHaveLength(1);
});

test("with sslmode=require the hosted Deno never connects without TLS", async () => {
  await start("hosted", {}, "sslmode=require");
  expect(await databaseHealth()).toBe("unhealthy");
  expect(postgres.seen.plain).toBe(0);
});
