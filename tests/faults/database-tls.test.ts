import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { api } from "../support/api.ts";
import { makeCertificates } from "../support/certificate.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { offerTls } from "../support/tls-postgres.ts";

const target = inject("stack");
const certificates = makeCertificates();
const unencrypted = "the connection to the database is not encrypted";

let postgres: Awaited<ReturnType<typeof offerTls>>;
let instance: FunctionProcess | undefined;
beforeAll(async () => {
  postgres = await offerTls(Number(new URL(target.database_url ?? "").port), certificates);
});
afterEach(async () => {
  await instance?.end();
  Object.assign(postgres.seen, { encrypted: 0, plain: 0 });
});
afterAll(() => postgres?.stop());

/** What an instance says about the database that it reaches with TLS. */
async function databaseHealth(deno: "local" | "hosted", env: Record<string, string>, query = "") {
  const database = new URL(target.database_url ?? "");
  database.port = String(postgres.port);
  database.search = query;
  instance = await startFunction(target, deno, { SUPABASE_DB_URL: database.href, ...env });
  const { body } = await api(`${instance.base}/api/v1/health/database`);
  return body.status;
}

test.each(["local", "hosted"] as const)(
  "on the %s Deno, with the authority's certificate every connection is encrypted",
  async (deno) => {
    expect(await databaseHealth(deno, { DATABASE_CA_CERT: certificates.ca })).toBe("healthy");
    expect(postgres.seen.encrypted).toBeGreaterThan(0);
    expect(postgres.seen.plain).toBe(0);
  },
);

test.each(["local", "hosted"] as const)(
  "on the %s Deno, a server that another authority signed is refused, and nothing goes there in the clear",
  async (deno) => {
    const { ca } = makeCertificates();
    expect(await databaseHealth(deno, { DATABASE_CA_CERT: ca })).toBe("unhealthy");
    expect(postgres.seen.plain).toBe(0);
  },
);

test("without a certificate, the local Deno encrypts and trusts anybody", async () => {
  expect(await databaseHealth("local", {})).toBe("healthy");
  expect(postgres.seen.plain).toBe(0);
});

test("without a certificate, the hosted Deno trusts nobody: it goes on without TLS and says so once", async () => {
  expect(await databaseHealth("hosted", {})).toBe("healthy");
  expect(postgres.seen.plain).toBeGreaterThan(0);
  await Promise.all(
    Array.from({ length: 5 }, () =>
      api(`${instance?.base}/api/v1/auth/me`, { headers: { "X-API-Key": "none" } }),
    ),
  );
  expect(instance?.lines.filter((line) => line.includes(unencrypted))).toHaveLength(1);
});

test("a URL that requires TLS is never answered without", async () => {
  expect(await databaseHealth("hosted", {}, "sslmode=require")).toBe("unhealthy");
  expect(postgres.seen.plain).toBe(0);
});
