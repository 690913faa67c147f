import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import postgres from "postgres";

/**
 * A temporary database on this server, with only the roles of Supabase and the tables of Auth and Storage. It is dropped after
 * the work.
 */
export async function withStockDatabase<T>(
  server: string,
  work: (sql: postgres.Sql, url: string) => Promise<T>,
): Promise<T> {
  const name = `stock_${randomUUID().replaceAll("-", "")}`;
  const root = postgres(server, { max: 1, onnotice: () => {} });
  await root.unsafe(`create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const sql = postgres(url.href, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(readFileSync(new URL("./stock.sql", import.meta.url), "utf8"));
    return await work(sql, url.href);
  } finally {
    await sql.end();
    await root.unsafe(`drop database ${name} with (force)`);
    await root.end();
  }
}
