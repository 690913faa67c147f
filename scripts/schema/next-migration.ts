import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { makeFolders } from "../local/data-folder.ts";
import { prepareRoles } from "../local/database.ts";
import { findFreeBase } from "../local/ports.ts";
import { preparePostgres } from "../local/postgres.ts";
import { inScratch } from "../local/scratch.ts";
import { adminDatabaseUrl, databaseUrl, pathsFor, portsFrom } from "../local/settings.ts";
import { migrationTexts, schemaTexts } from "./baseline.ts";
import { schemaDifference } from "./schema-difference.ts";

/** The migration from the current migrations to supabase/schemas, computed on a temporary server. Undefined if they agree. */
export const nextMigration = () =>
  inScratch(async (folder) => {
    const paths = pathsFor(folder);
    const ports = portsFrom(await findFreeBase());
    const host = {
      given_up: new AbortController().signal,
      report: console.error,
      processesChanged: () => {},
      last_backoff_ms: 1000,
      look_ms: 5000,
    };
    const password = randomBytes(18).toString("base64url");
    makeFolders(paths);
    const server = await preparePostgres({ paths, ports, password, durable: false, host });
    try {
      await server.start();
      const admin = postgres(adminDatabaseUrl(ports, password), { max: 1, onnotice: () => {} });
      await prepareRoles(admin, password);
      await admin.end();
      const text = await schemaDifference(databaseUrl(ports, password), migrationTexts(), schemaTexts());
      if (text.trim() === "") return undefined;
      const now = new Date().toISOString().replaceAll(/\D/g, "").slice(0, 14);
      return { name: `${now}_schema.sql`, text };
    } finally {
      await server.stop();
    }
  });
