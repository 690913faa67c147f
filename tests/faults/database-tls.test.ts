import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { api } from "../support/api.ts";
import { makeCertificates } from "../support/certificate.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { startTlsProxy } from "../support/tls-postgres.ts";

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

/** Starts the function behind the TLS proxy. @returns the status of its database. */
async function databaseHealth(deno: "local" | "hosted", env: Record<string, string>, query = "") {
  const database = new URL(target.database_url ?? "");
  database.port = String(postgres.port);
  database.search = query;
  instance = await startFunction(target, deno, { SUPABASE_DB_URL: database.href, ...env });
  const { body } = await api(`${instance.base}/api/v1/health/database`);
  return body.status;
}

test.each(["local", "hosted"] as const)(
  "on the %s Deno, DATABASE_CA_CERT makes every database connection encrypted",
  async (deno) => {
    expect(await databaseHealth(deno, { DATABASE_CA_CERT: certificates.ca })).toBe("healthy");
    expect(postgres.seen.encrypted).toBeGreaterThan(0);
    expect(postgres.seen.plain).toBe(0);
  },
);

test.each(["local", "hosted"] as const)(
  "on the %s Deno, a database certificate of another authority is refused, and nothing is sent unencrypted",
  async (deno) => {
    const { ca } = makeCertificates();
    expect(await databaseHealth(deno, { DATABASE_CA_CERT: ca })).toBe("unhealthy");
    expect(postgres.seen.plain).toBe(0);
  },
);

test("without DATABASE_CA_CERT, the local Deno encrypts and accepts any certificate", async () => {
  expect(await databaseHealth("local", {})).toBe("healthy");
  expect(postgres.seen.plain).toBe(0);
});

test("without DATABASE_CA_CERT, the hosted Deno connects without TLS and warns once", async () => {
  expect(await databaseHealth("hosted", {})).toBe("healthy");
  expect(postgres.seen.plain).toBeGreaterThan(0);
  await Promise.all(
    Array.from({ length: 5 }, () =>
      api(`${instance?.base}/api/v1/auth/me`, { headers: { "X-API-Key": "none" } }),
    ),
  );
  expect(instance?.lines.filter((line) => line.includes(unencrypted))).toHaveLength(1);
});

test("with sslmode=require the hosted Deno never connects without TLS", async () => {
  expect(await databaseHealth("hosted", {}, "sslmode=require")).toBe("unhealthy");
  expect(postgres.seen.plain).toBe(0);
});
