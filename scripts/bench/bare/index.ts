// The baseline of every scenario: one trivial query and one small JSON answer, with the API's driver and settings.
import process from "node:process";
import pg from "pg";

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 3,
  ssl: false,
  keepAlive: true,
  idleTimeoutMillis: 0,
  maxLifetimeSeconds: 60 * 30,
});

export default {
  async fetch(): Promise<Response> {
    const { rows } = await pool.query({ name: "bare", text: "select 1 as result" });
    return Response.json(rows[0]);
  },
};
