// better-auth with its API-key plugin on Node and Hono: verify the key, read the session, read one row. `/facts` returns
// the data for a request. `SETUP=tutorial` follows the quick start, any other value the performance guide.
import { apiKey } from "@better-auth/api-key";
import { serve } from "@hono/node-server";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { Hono } from "hono";
import pg from "pg";

const isTutorial = process.env.SETUP === "tutorial";
const port = Number(process.env.PORT);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: "a secret of the benchmark that is long enough",
  database: pool,
  emailAndPassword: { enabled: true },
  telemetry: { enabled: false },
  // Sessions come from a signed cookie for some minutes, and there is no rate limit: two advantages over our API.
  ...(isTutorial ? {} : { session: { cookieCache: { enabled: true, maxAge: 300 } } }),
  plugins: [
    apiKey(
      isTutorial
        ? { rateLimit: { enabled: true, maxRequests: 1_000_000_000, timeWindow: 86_400_000 } }
        : { rateLimit: { enabled: false } },
    ),
  ],
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const email = `bench-${process.pid}@example.com`;
const { headers, response } = await auth.api.signUpEmail({
  body: { email, password: "Bench-pass-1234", name: "Bench" },
  returnHeaders: true,
});
const cookie = headers
  .getSetCookie()
  .map((line) => line.split(";")[0])
  .join("; ");
const { key } = await auth.api.createApiKey({ body: { name: "bench", userId: response.user.id } });
await pool.query(
  "create table if not exists picture (id uuid primary key, owner_id text not null, status text not null)",
);
const { rows } = await pool.query(
  "insert into picture values (gen_random_uuid(), $1, 'completed') returning id",
  [response.user.id],
);

const app = new Hono();
app.get("/me", async (c) => {
  const session = await auth.api.getSession({ headers: c.req.raw.headers });
  return session === null ? c.json({ error: "unauthorized" }, 401) : c.json(session.user);
});
app.get("/picture/:id/status", async (c) => {
  const { valid } = await auth.api.verifyApiKey({ body: { key: c.req.header("x-api-key") } });
  if (!valid) return c.json({ error: "forbidden" }, 403);
  const session = await auth.api.getSession({ headers: c.req.raw.headers });
  if (session === null) return c.json({ error: "unauthorized" }, 401);
  const found = await pool.query("select id, status from picture where id = $1 and owner_id = $2", [
    c.req.param("id"),
    session.user.id,
  ]);
  return found.rows.length === 0 ? c.json({ error: "not found" }, 404) : c.json(found.rows[0]);
});
app.get("/facts", (c) => c.json({ cookie, key, id: rows[0].id }));
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" });
